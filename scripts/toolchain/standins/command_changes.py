"""What an update of a Command would change: the answers of `command_provider` before it runs."""

from collections.abc import Iterable
from typing import Any

from pulumi.runtime.proto import provider_pb2

from scripts.toolchain.standins.decoding import INPUTS
from scripts.toolchain.standins.property_values import UNKNOWN, Properties, differences, reveal
from scripts.toolchain.standins.shell_command import Output

UNKNOWN_OUTPUTS: Properties = {"stdout": UNKNOWN, "stderr": UNKNOWN}


def compare(old: Properties, new: Properties) -> Any:
    """The answer about two maps of inputs."""
    return _diff_response(differences(old, _own(new)))


def ignoring(names: Iterable[str], inputs: Properties, state: Properties) -> Properties:
    """The inputs with the state's value for whatever change is ignored."""
    return {**inputs, **{name: state[name] for name in names if name in state}}


def expected(inputs: Properties, former: Properties) -> Properties:
    """What a preview of an update says.

    The former output, as if it were certain, where an input is only new; it is unknown where one
    has changed, is gone, or is unknown itself.
    """
    certain = all(
        reveal(inputs.get(name)) != UNKNOWN
        and (name not in former or inputs.get(name) == former[name])
        for name in INPUTS.kinds
    )
    output = former_output(former)
    outputs = {"stdout": output.stdout, "stderr": output.stderr} if certain else UNKNOWN_OUTPUTS
    return {**inputs, **outputs}


def former_output(state: Properties) -> Output:
    """What the last run wrote."""
    plain = reveal(state)
    return Output(stdout=plain.get("stdout", ""), stderr=plain.get("stderr", ""))


def _diff_response(changed: dict[str, str]) -> Any:
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=kinds.Value(f"{kind}_replace".upper() if _replaces(path) else kind.upper()),
        )
        for path, kind in changed.items()
    }
    response = provider_pb2.DiffResponse
    return provider_pb2.DiffResponse(
        changes=response.DIFF_SOME if changed else response.DIFF_NONE,
        diffs=sorted({_top(path) for path in changed}),
        replaces=[path for path in changed if _replaces(path)],
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _replaces(path: str) -> bool:
    """Whether the plugin itself replaces; when an item of `triggers` changes, the SDK does."""
    return path == "triggers"


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _own(inputs: Properties) -> Properties:
    """The inputs without the engine's."""
    return {
        name: value
        for name, value in inputs.items()
        if name != "version" and not name.startswith("__")
    }
