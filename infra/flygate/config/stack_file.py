"""`Pulumi.<stack>.yaml`: its path, its values, and the template of a new one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from flygate.config import PROJECT
from flygate.system.errors import ConfigError

# Placeholders for what must be chosen.
NO_IMAGE: Final = "sha256:" + "0" * 64
_PLACEHOLDER: Final = "my-service"


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack's file.

    Attributes:
        text: empty if there is no file.
        values: its configuration, without the project's name.
    """

    stack: str
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path, stack: str) -> StackFile:
        """Read a stack's file.

        Raises:
            ConfigError: it is no YAML, or not in Pulumi's form.
        """
        path = path_of(root, stack)
        if not path.exists():
            return cls(stack)
        text = path.read_text(encoding="utf-8")
        return cls(stack, text, _values(path.name, text))

    @property
    def is_template(self) -> bool:
        """Whether the file is still the template."""
        return is_placeholder(str(self.values.get("app", _PLACEHOLDER)))


def path_of(root: Path, stack: str) -> Path:
    """Return the path of a stack's file."""
    return root / f"Pulumi.{stack}.yaml"


@contextlib.contextmanager
def replaced(root: Path, stack: str) -> Iterator[Path]:
    """Yield a copy of a stack's file to change; it replaces the file atomically on success.

    Pulumi overwrites the file in place, so a full disk would leave nothing of it.
    """
    path = path_of(root, stack).resolve()  # it may be a link
    copy = path.with_name(f".{path.stem}.new{path.suffix}")
    try:
        if path.exists():
            shutil.copy2(path, copy)
        yield copy
        if copy.exists():
            with copy.open("rb") as written:
                os.fsync(written.fileno())
            copy.replace(path)
    finally:
        copy.unlink(missing_ok=True)


def others(root: Path, stack: str) -> list[StackFile]:
    """Return the files of the other stacks."""
    paths = root.glob("Pulumi.*.yaml")
    names = (path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in paths)
    return [StackFile.read(root, name) for name in sorted(names) if name != stack]


def is_placeholder(app: str) -> bool:
    """Whether the app's name is the template's."""
    return app in {_PLACEHOLDER, f"{_PLACEHOLDER}-staging"}


def template(stack: str, source: str = "") -> str:
    """Return the text of a new stack's file: valid, with placeholders for what must be chosen.

    Args:
        source: the stack whose releases are promoted to this one; empty if it has its own image.
    """
    app = _PLACEHOLDER if source else f"{_PLACEHOLDER}-staging"
    image = _PROMOTED.format(source=source) if source else _BUILT.format(app=app, digest=NO_IMAGE)
    soak = _SOAK_PROMOTED if source else _SOAK_BUILT
    protect = "true" if source else "false"
    head = _HEAD.format(stack=stack, app=app)
    return f"{head}{image.format(stack=stack)}{_REST.format(soak=soak, protect=protect)}"


def _values(name: str, text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text) or {}
        config = content.get("config") or {}
        found = {str(key): value for key, value in config.items()}
    except (yaml.YAMLError, AttributeError) as exc:
        raise ConfigError(
            f"{name} is there, and is no stack's configuration ({_first_line(exc)}). Repair it, "
            "or move it away."
        ) from None
    prefix = f"{PROJECT}:"
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


_HEAD: Final = """\
# The environment `{stack}`. `flygate init {stack}` fills in what must be chosen and makes the
# secrets, `flygate doctor {stack}` says whether all is well. All keys: docs/configuration.md.
config:
  # Choose: a name that is unique on Fly.io.
  flygate:app: {app}
  # Choose: the slug of your Fly organisation.
  flygate:org: personal
  # 1: up to 50 tenants, 2: up to 200, 3: more, with a Redis. See docs/phases.md.
  flygate:phase: "1"
  # Where machines run, in the order of a rollout.
  flygate:regions:
    - iad
"""
_BUILT: Final = """\
  # The image by digest: a tag may change behind your back. `flygate image build --push {{stack}}`
  # sets it.
  flygate:image: registry.fly.io/{app}@{digest}
"""
_PROMOTED: Final = """\
  # Nothing is built for this environment: `flygate promote {{stack}}` sets the image that {source}
  # proved, by digest, once it has been healthy there for as long as `soak` says.
  flygate:promotion:
    from: {source}
    soak: 24h
"""
_REST: Final = """\
  # The service's environment: docs/limits.md, docs/login.md. SERVICE_APP names an app of your own.
  flygate:env:
    RATE_LIMIT_RPM: 100
    RATE_LIMIT_BURST: 20
  flygate:rollout:
    # In which order machines come and go: canary, bluegreen, rolling or immediate.
    strategy: canary
    # How long a new machine may take to pass its checks, and an old one to end its requests.
    wait: 2m
    drain: 10s
{soak}
    # How long the machines of the former release are kept: a rollback then takes seconds.
    standby: 1h
  # Pulumi refuses to destroy the app.
  flygate:protect: {protect}
"""
_SOAK_BUILT: Final = """\
    # How long new machines are compared with the former ones after each step. That needs requests:
    # if some 150 come in this time on a new machine, write 2m (docs/judge.md).
    soak: 0s"""
_SOAK_PROMOTED: Final = """\
    # How long new machines are compared with the former ones after each step: long enough for 150
    # requests on a new machine (docs/judge.md).
    soak: 2m"""
