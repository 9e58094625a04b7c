"""How the plugin decodes a property map into one of its structs, and how it words what it can't.

`command_provider` decodes with it whatever the engine sends; pure functions on plain JSON values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from scripts.toolchain.standins.property_values import UNKNOWN, Properties, Value, reveal

Kind: TypeAlias = Literal[
    "string", "bool", "[]string", "map[string]string", "[]interface {}", "local.Logging", "any"
]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a property can't be accepted."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A struct of the plugin.

    Attributes:
        name: as the plugin's messages have it.
        kinds: the type of each field, as Go writes it.
        required: what must be there.
    """

    name: str
    kinds: Mapping[str, Kind]
    required: tuple[str, ...] = ()


class DecodingError(Exception):  # it is worded as the plugin's message is
    """A property map is not what the plugin's struct takes."""

    def __init__(self, failures: list[Failure], prefix: str) -> None:
        lines = "".join(f"\n\t{failure.name}: {failure.reason}" for failure in failures)
        super().__init__(f"{prefix}{len(failures)} failures decoding:{lines}")


_BASE: dict[str, Kind] = {
    "stdin": "string",
    "logging": "local.Logging",
    "interpreter": "[]string",
    "dir": "string",
    "environment": "map[string]string",
    "assetPaths": "[]string",
    "archivePaths": "[]string",
    "addPreviousOutputInEnv": "bool",
}
_COMMANDS: dict[str, Kind] = {
    "triggers": "[]interface {}",
    "create": "string",
    "update": "string",
    "delete": "string",
}
_RUNS: dict[str, Kind] = {"command": "string"}
_OUTPUTS: dict[str, Kind] = {
    "stdout": "string",
    "stderr": "string",
    "assets": "any",
    "archive": "any",
}
INPUTS = Record("local.CommandInputs", _COMMANDS | _BASE)
STATE = Record("local.CommandOutputs", _COMMANDS | _BASE | _OUTPUTS, ("stdout", "stderr"))
ARGUMENTS = Record("local.RunInputs", _RUNS | _BASE, ("command",))


def failures(record: Record, values: Properties, *, partial: bool = False) -> list[Failure]:
    """What is wrong with `values` as a `record`.

    Args:
        partial: whether what is required may be missing.
    """
    return list(_failures(record, reveal(values), partial))


def decode(record: Record, values: Properties, *, partial: bool = False, prefix: str = "") -> None:
    """Check that `values` are a `record`.

    Raises:
        DecodingError: they are not. Its words begin with `prefix`.
    """
    if found := failures(record, values, partial=partial):
        raise DecodingError(found, prefix)


def _failures(record: Record, plain: Properties, partial: bool) -> Iterator[Failure]:
    for name in record.required:
        if name not in plain and not partial:
            yield Failure(name, f"Missing required field '{name}' on '{record.name}'")
    for name, kind in record.kinds.items():
        if name in plain:
            yield from _mismatch(record, name, kind, plain[name])
    for name in plain:
        if name not in record.kinds:
            yield Failure(name, f"Unrecognized field '{name}' on '{record.name}'")


def _mismatch(record: Record, path: str, kind: Kind, value: Value) -> Iterator[Failure]:
    """The first thing that is wrong with a value, by its type: it may be a secret."""
    if value == UNKNOWN or kind == "any":
        return
    if kind == "[]string" and isinstance(value, list):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    elif kind == "map[string]string" and isinstance(value, dict):
        items = ((f"{path}[{key}] value", item) for key, item in value.items())
    else:
        if not isinstance(value, _PYTHON[kind]):
            yield Failure(path, _reason(record, path, kind, value))
        return
    for name, item in items:
        if item != UNKNOWN and not isinstance(item, str):
            yield Failure(name, _reason(record, name, "string", item))
            return


def _reason(record: Record, path: str, kind: Kind, value: Value) -> str:
    if isinstance(value, dict):
        return (
            f"An error occurred decoding '{record.name.removeprefix('local.')}.{path}': Cannot "
            f"decode Object{{}} to type {kind}; it isn't a struct, and no custom decoder exists"
        )
    return f"Field '{path}' on '{record.name}' must be a '{kind}'; got '{_GO[type(value)]}' instead"


_PYTHON: dict[Kind, type] = {
    "string": str,
    "local.Logging": str,
    "bool": bool,
    "[]string": list,
    "[]interface {}": list,
    "map[string]string": dict,
}
_GO = {str: "string", bool: "bool", float: "float64", list: "[]interface {}", type(None): "<nil>"}
