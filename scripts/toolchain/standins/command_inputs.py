"""What the inputs of a `command:local:Command` and a `command:local:run` ask to be run."""

from scripts.toolchain.standins.decoding import Failure, Record, failures
from scripts.toolchain.standins.property_values import Properties
from scripts.toolchain.standins.shell_command import Output, ShellCommand, Stream

_LOGGED: dict[str, frozenset[Stream]] = {
    "stdout": frozenset({"stdout"}),
    "stderr": frozenset({"stderr"}),
    "stdoutAndStderr": frozenset({"stdout", "stderr"}),
}
_NOT_HERE = (
    "is not supported by the stand-in for pulumi-command; "
    "install Pulumi to have the real plugin (docs/toolchain.md)"
)
_REFUSED = ("assetPaths", "archivePaths")


def check(record: Record, inputs: Properties) -> list[Failure]:
    """What is wrong with inputs: what the plugin refuses, and what only the plugin has."""
    refused = [Failure(name, _NOT_HERE) for name in _REFUSED if name in inputs]
    return refused + failures(record, inputs)


def shell_command(text: str, inputs: Properties, previous: Output) -> ShellCommand:
    """The command `text` with the surroundings that revealed `inputs` describe."""
    return ShellCommand(
        text=text,
        interpreter=tuple(inputs.get("interpreter") or ("/bin/sh", "-c")),
        directory=inputs.get("dir"),
        environment={**inputs.get("environment", {}), **_previous(inputs, previous)},
        stdin=inputs.get("stdin", ""),
        # A word that the plugin does not know logs nothing.
        logged=_LOGGED.get(inputs.get("logging", "stdoutAndStderr"), frozenset()),
    )


def _previous(inputs: Properties, previous: Output) -> dict[str, str]:
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    variables = {
        "PULUMI_COMMAND_STDOUT": previous.stdout,
        "PULUMI_COMMAND_STDERR": previous.stderr,
    }
    return {name: value for name, value in variables.items() if value}
