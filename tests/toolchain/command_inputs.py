"""What a `command:local:Command` and a `command:local:run` accept, checked before anything runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.toolchain.property_values import UNKNOWN, Properties, reveal
from tests.toolchain.shell_command import Output, ShellCommand, Stream

_LOGGED: dict[str, frozenset[Stream]] = {
    "stdout": frozenset({"stdout"}),
    "stderr": frozenset({"stderr"}),
    "stdoutAndStderr": frozenset({"stdout", "stderr"}),
    "none": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an input can't be accepted."""

    name: str
    reason: str


def check_resource(inputs: Properties) -> list[Failure]:
    """What is wrong with the inputs of a `Command`."""
    return list(_check(inputs, _BASE | _RESOURCE))


def check_run(inputs: Properties) -> list[Failure]:
    """What is wrong with the arguments of `run`."""
    missing = [] if "command" in inputs else [Failure("command", "is required and was not given")]
    return [*missing, *_check(inputs, _BASE | {"command": _is_text})]


def shell_command(text: str, inputs: Properties, previous: Output) -> ShellCommand:
    """The command `text` with the surroundings that revealed `inputs` describe."""
    return ShellCommand(
        text=text,
        interpreter=tuple(inputs.get("interpreter") or ("/bin/sh", "-c")),
        directory=inputs.get("dir"),
        environment={**inputs.get("environment", {}), **_previous(inputs, previous)},
        stdin=inputs.get("stdin", ""),
        logged=_LOGGED[inputs.get("logging", "stdoutAndStderr")],
    )


def _previous(inputs: Properties, previous: Output) -> dict[str, str]:
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    variables = {
        "PULUMI_COMMAND_STDOUT": previous.stdout,
        "PULUMI_COMMAND_STDERR": previous.stderr,
    }
    return {name: value for name, value in variables.items() if value}


def _check(inputs: Properties, allowed: "dict[str, _Check]") -> Iterator[Failure]:
    for name, value in reveal(inputs).items():
        if name.startswith("__") or name == "version" or value is None:
            continue  # the engine's own
        if name in _REFUSED:
            yield Failure(name, _REFUSED[name])
        elif name not in allowed:
            yield Failure(name, f"is unknown; known are {', '.join(sorted(allowed))}")
        elif value != UNKNOWN and not allowed[name](value):
            yield Failure(name, f"must be {_WANTED[allowed[name]]}, not {_kind(value)}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_logging(value: Any) -> bool:
    return value in _LOGGED


def _kind(value: Any) -> str:
    """The kind of `value` and never `value`: it may be a secret."""
    kinds = {str: "this string", bool: "a boolean", float: "a number", list: "this list"}
    return kinds.get(type(value), "this object")


_Check = Callable[[Any], bool]
_WANTED: dict[_Check, str] = {
    _is_text: "a string",
    _is_flag: "a boolean",
    _is_list: "a list",
    _is_texts: "a list of strings",
    _is_map: "a map of strings",
    _is_logging: "one of " + ", ".join(_LOGGED),
}
_BASE: dict[str, _Check] = {
    "stdin": _is_text,
    "logging": _is_logging,
    "interpreter": _is_texts,
    "dir": _is_text,
    "environment": _is_map,
    "addPreviousOutputInEnv": _is_flag,
}
_RESOURCE: dict[str, _Check] = {
    "create": _is_text,
    "update": _is_text,
    "delete": _is_text,
    "triggers": _is_list,
}
_NOT_HERE = (
    "is not supported by the stand-in for pulumi-command; "
    "install Pulumi to have the real plugin (docs/toolchain.md)"
)
_REFUSED = {"assetPaths": _NOT_HERE, "archivePaths": _NOT_HERE}
