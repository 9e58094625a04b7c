"""The project that `flygate` works on: the folder with Pulumi.yaml."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from flygate.system.errors import ConfigError

PROJECT_FILE: Final = "Pulumi.yaml"
# infra/flygate/system/project.py, where the package is a checkout's.
_CHECKOUT: Final = Path(__file__).resolve().parents[3]
_ENVIRONMENT: Final = ".flygate/env"


class NoProjectError(ConfigError):
    """No folder from the working directory upwards has a Pulumi.yaml."""


class NotSetUpError(ConfigError):
    """The project has no file of the environment that Pulumi and the local Fly need."""


def root() -> Path:
    """Return the checkout that this package is in.

    Where it was installed from a wheel: the nearest folder with Pulumi.yaml, from the working
    directory upwards, as Pulumi looks for it.

    Raises:
        NoProjectError: there is none.
    """
    if (_CHECKOUT / PROJECT_FILE).is_file():
        return _CHECKOUT
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise NoProjectError(
        f"There is no {PROJECT_FILE} in {here} or above it. Nothing was done. Go to the folder of "
        "the project (`cd …`), and run the same command again."
    )


def environment(folder: Path) -> dict[str, str]:
    """Return the environment as it is after a shell has read the project's `.flygate/env`.

    Raises:
        NotSetUpError: there is no such file.
    """
    path = folder / _ENVIRONMENT
    if not path.exists():
        raise NotSetUpError("This checkout is not set up. Run `make up` first.")
    script = '. "$1" && env -0'
    process = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(path)], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in process.stdout.split("\0") if "=" in line)
