"""Where the local Fly keeps everything, as the verbs of `flygate local` take it."""

from pathlib import Path
from typing import Annotated

import typer

from flygate.system import private, project


def default_state() -> Path:
    """Return the folder of the project's own local Fly.

    Raises:
        NoProjectError: no folder with a Pulumi.yaml was found.
    """
    return project.root() / private.HOME / "local"


StateDir = Annotated[
    Path,
    typer.Option(
        "--state",
        default_factory=default_state,
        help="The folder that keeps everything.",
        show_default=False,
    ),
]
