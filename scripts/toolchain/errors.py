"""Why a bootstrap can't go on.

BootstrapError
├── ProgramMissing     a program that must be installed by hand is not there
├── PythonIncomplete   the Python found can't make a virtual environment
├── CommandFailed      a program that we started failed
├── PulumiMissing      no way to the Pulumi CLI worked
└── DockerMissing      no Docker that the tests could use; they can do without
"""

from collections.abc import Sequence


class BootstrapError(Exception):
    """The bootstrap stopped; the message says what to do."""


class ProgramMissingError(BootstrapError):
    """A program that the bootstrap does not install."""

    def __init__(self, program: str, purpose: str) -> None:
        super().__init__(
            f"{program} was not found on the PATH: {purpose}.\nInstall it and run this again."
        )


class PythonIncompleteError(BootstrapError):
    """The Python found lacks a module of the standard library."""

    def __init__(self, python: str, module: str) -> None:
        super().__init__(
            f"{python} has no module {module!r}, so it can't make a virtual environment.\n"
            "Install it (Debian, Ubuntu: apt install python3-venv), or name another Python: "
            "PYTHON=/path/to/python3 make up"
        )


class CommandError(BootstrapError):
    """A program failed; its last lines are in the message."""

    def __init__(self, what: str, program: str, status: int | str, output: str) -> None:
        self.reason = output.strip().splitlines()[-1] if output.strip() else f"status {status}"
        super().__init__(f"{what} failed: {program} ended with {status}.\n{output.strip()}")


class PulumiMissingError(BootstrapError):
    """Every way to the Pulumi CLI was tried."""

    def __init__(self, version: str, attempts: Sequence[tuple[str, str]]) -> None:
        tried = "\n".join(f"  - {way}: {reason}" for way, reason in attempts)
        super().__init__(
            f"The Pulumi CLI, version {version} or newer, was not found and could not be got.\n"
            f"Tried:\n{tried}\n"
            "Install it (https://www.pulumi.com/docs/install/) so that `pulumi version` works, "
            "and run this again."
        )


class DockerMissingError(BootstrapError):
    """No engine answers, or it has no image; the tests then skip what needs one."""
