"""A Docker configuration for one push: the user's own, with the Fly token for Fly's registry.

No secret is written: the configuration names a credential helper, which reads the token from its
environment. So no crash leaves a token on the disk, in `~/.docker`, in the keychain or in an
argument.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from flygate.images.registry import USER, Registry

_HELPER: Final = "flygate"
_ANSWER: Final = "FLYGATE_DOCKER_CREDENTIALS"
# printf is built into the shell: the token is in no argument of a program.
_SCRIPT: Final = f'#!/bin/sh\n[ "$1" = get ] && printf %s "${_ANSWER}"\n'
_CREDENTIALS: Final = ("auths", "credsStore", "credHelpers")


@contextmanager
def docker_config(registry: Registry, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment for a `docker push`; its configuration is temporary."""
    own = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with tempfile.TemporaryDirectory(prefix="flygate-docker-") as temporary:
        folder = Path(temporary)
        _link_the_rest(own, folder)
        settings = {**_settings(own), "credHelpers": {registry.host: _HELPER}}
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        helper = folder / "bin" / f"docker-credential-{_HELPER}"
        helper.parent.mkdir()
        helper.write_text(_SCRIPT, encoding="utf-8")
        helper.chmod(0o700)
        answer = {"ServerURL": registry.host, "Username": USER, "Secret": registry.password}
        yield {
            **environment,
            "DOCKER_CONFIG": str(folder),
            "PATH": f"{helper.parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
            _ANSWER: json.dumps(answer),
        }


def _settings(own: Path) -> dict[str, Any]:
    """Return the user's settings, without credentials."""
    try:
        found = json.loads((own / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if key not in _CREDENTIALS}


def _link_the_rest(own: Path, folder: Path) -> None:
    """Link contexts, which name the engine, plugins and builders."""
    for name in ("buildx", "cli-plugins", "contexts"):
        if (own / name).is_dir():
            (folder / name).symlink_to((own / name).resolve())
