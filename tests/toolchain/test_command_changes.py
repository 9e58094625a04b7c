"""What the stand-in for pulumi-command says of a change before it runs anything."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from scripts.toolchain.standins.property_values import UNKNOWN, secret
from scripts.toolchain.standins.structs import properties
from tests.toolchain.conftest import OUTPUTS, Client, on_purpose, refused

pytestmark = pytest.mark.integration


def test_a_preview_runs_nothing_and_knows_no_output(provider: Client, tmp_path: Path) -> None:
    """Neither create nor update runs in a preview; both outputs are unknown in it."""
    inputs = {"create": f"touch {tmp_path}/ran", "dir": "."}
    unknown = {"stdout": UNKNOWN, "stderr": UNKNOWN}

    created = provider.create(inputs, preview=True)
    changed = provider.update({**inputs, "dir": "..", **OUTPUTS}, inputs, preview=True)
    gone = provider.update({**inputs, "stdin": "x", **OUTPUTS}, inputs, preview=True)
    open_ = {**inputs, "stdin": UNKNOWN}
    unsure = provider.update({**inputs, **OUTPUTS}, open_, preview=True)

    assert created.id.startswith("name"), "an id is known, and another one after the update"
    assert properties(created.properties) == {**inputs, **unknown}
    assert changed == gone == {**inputs, **unknown}
    assert unsure == {**open_, **unknown}
    assert not (tmp_path / "ran").exists()


def test_a_preview_keeps_the_former_output_where_an_input_is_only_new(provider: Client) -> None:
    """What hangs on the output then runs in the preview, with what will be wrong, and in plain."""
    former = {"create": "x", "stdout": secret("ledger"), "stderr": ""}

    expected = provider.update(former, {"create": "x", "stdin": "new"}, preview=True)

    assert expected == {"create": "x", "stdin": "new", "stdout": "ledger", "stderr": ""}


def test_a_read_gives_back_what_the_engine_knows(provider: Client) -> None:
    """So `pulumi refresh` finds no change, whatever became of what the command made."""
    inputs = {"create": "exit 1", "environment": {"A": secret("a")}}
    state = {**inputs, "stdout": secret("out"), "stderr": ""}

    assert provider.read(state, inputs) == (state, inputs)
    assert provider.read({}, {}) == ({}, {}), "an import knows an id only"


def test_a_state_without_outputs_is_a_dead_end(provider: Client) -> None:
    """What was imported can be read, and neither updated nor deleted."""
    missing = (
        "2 failures decoding:\n"
        "\tstdout: Missing required field 'stdout' on 'local.CommandOutputs'\n"
        "\tstderr: Missing required field 'stderr' on 'local.CommandOutputs'"
    )

    with refused(grpc.StatusCode.UNKNOWN) as updating:
        provider.update({}, {"create": "echo x"})
    with refused(grpc.StatusCode.UNKNOWN) as deleting:
        provider.delete({})

    assert updating[0] == deleting[0] == missing


def test_a_changed_input_is_an_update(provider: Client) -> None:
    """The difference names the path, so that a preview shows it."""
    former = {"create": "a", "environment": {"A": "1"}}

    diff = provider.diff(former, {"create": "a", "environment": {"A": "2"}})

    assert diff.changes == diff.DIFF_SOME
    assert list(diff.detailedDiff) == ["environment.A"]
    assert not diff.replaces


def test_equal_inputs_are_no_change(provider: Client) -> None:
    """A second `up` does nothing; the engine's own inputs don't count."""
    diff = provider.diff({"create": "a"}, {"create": "a", "version": "1.2.1", "__defaults": []})

    assert diff.changes == diff.DIFF_NONE


def test_ignored_changes_are_no_change(provider: Client) -> None:
    """`ignore_changes` is kept, by an update too."""
    former = {"create": "echo a"}

    diff = provider.diff(former, {"create": "echo b"}, ignore=("create",))
    state = provider.update({**former, **OUTPUTS}, {"create": "echo b"}, ignore=("create",))

    assert diff.changes == diff.DIFF_NONE
    assert state == {"create": "echo a", "stdout": "a", "stderr": ""}


@pytest.mark.parametrize(
    ("former", "now", "replaced"),
    [({}, ["1"], ["triggers"]), (["1"], None, ["triggers"]), (["1"], ["2"], [])],
)
def test_triggers_that_come_or_go_replace(
    provider: Client, former: Any, now: Any, replaced: list[str]
) -> None:
    """When an item changes the SDK asks for the replacement, the plugin does not."""
    diff = provider.diff({"triggers": former} if former else {}, {"triggers": now})

    assert diff.changes == diff.DIFF_SOME
    assert list(diff.replaces) == replaced


@pytest.mark.parametrize(
    ("inputs", "name", "reason"),
    [
        ({"create": 5}, "create", "must be a 'string'; got 'float64' instead"),
        ({"create": {"a": "b"}}, "create", "Cannot decode Object{} to type string"),
        ({"environment": {"A": True}}, "environment[A] value", "'string'; got 'bool' instead"),
        ({"interpreter": "sh"}, "interpreter", "must be a '[]string'; got 'string' instead"),
        ({"interpreter": [["sh"]]}, "interpreter[0]", "'string'; got '[]interface {}' instead"),
        ({"logging": 5}, "logging", "must be a 'local.Logging'; got 'float64' instead"),
        ({"triggers": "x"}, "triggers", "must be a '[]interface {}'; got 'string' instead"),
        ({"addPreviousOutputInEnv": secret("no")}, "addPreviousOutputInEnv", "must be a 'bool'"),
        ({"comand": "x"}, "comand", "Unrecognized field 'comand' on 'local.CommandInputs'"),
    ],
)
def test_inputs_are_checked(
    provider: Client, inputs: dict[str, Any], name: str, reason: str
) -> None:
    """A wrong input is named with what it must be, before anything runs."""
    failures = provider.check(inputs)

    assert [failure[0] for failure in failures] == [name]
    assert reason in failures[0][1]


@on_purpose
@pytest.mark.parametrize("name", ["assetPaths", "archivePaths"])
def test_what_only_the_plugin_has_is_refused(provider: Client, name: str) -> None:
    """Before anything runs, and with what to do."""
    assert "install Pulumi" in provider.check({name: ["*"]})[0][1]


def test_a_wrong_secret_input_is_not_shown(provider: Client) -> None:
    """The reason names the kind of a value and never the value."""
    failures = provider.check({"environment": secret("canary")})

    assert failures
    assert "canary" not in str(failures)


def test_a_null_is_not_there(provider: Client) -> None:
    """Not among the inputs, not in the environment."""
    inputs = {"create": None, "update": "x", "environment": {"A": None}}

    assert provider.check(inputs) == []
    state = properties(provider.create(inputs).properties)
    assert state == {"update": "x", "environment": {}, "stdout": "", "stderr": ""}


def test_unknown_and_secret_inputs_pass_the_check(provider: Client) -> None:
    """In a preview an input may not be known yet."""
    assert provider.check({"create": UNKNOWN, "stdin": secret("x"), "environment": UNKNOWN}) == []


def test_a_command_within_components_is_known(provider: Client) -> None:
    """A child's URN names its parents' types before its own."""
    urn = "urn:pulumi:s::p::flygate:Release$flygate:Step$command:local:Command::name"

    assert provider.check({"create": "x"}, urn) == []


def test_an_unknown_resource_is_refused_by_every_call(provider: Client, tmp_path: Path) -> None:
    """Nothing of it is run, also if a state has one."""
    urn = "urn:pulumi:s::p::command:local:Commando::name"
    inputs = {"create": f"touch {tmp_path}/ran", "delete": f"touch {tmp_path}/ran"}

    for call in (provider.check, provider.create, provider.delete):
        with refused(grpc.StatusCode.NOT_FOUND) as said:
            call(inputs, urn=urn)
        assert said[0] == "Resource 'local:Commando' not found"
    with refused(grpc.StatusCode.NOT_FOUND) as said:
        provider.invoke({}, function="command:local:walk")

    assert said[0] == "Invoke 'local:walk' not found"
    assert not (tmp_path / "ran").exists()


@on_purpose
def test_what_is_remote_is_refused_with_what_to_do(provider: Client) -> None:
    """What only the real plugin has says so, also if a state has one."""
    urn = "urn:pulumi:s::p::command:remote:Command::name"

    with refused(grpc.StatusCode.UNIMPLEMENTED) as checked:
        provider.check({}, urn=urn)
    with refused(grpc.StatusCode.UNIMPLEMENTED) as deleted:
        provider.delete({"delete": "echo remote"}, urn=urn)

    assert "install Pulumi" in checked[0]
    assert checked == deleted
