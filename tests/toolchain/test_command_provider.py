"""The stand-in for pulumi-command, called over gRPC as the engine calls it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.toolchain.conftest import URN, Client, Engine, on_purpose
from tests.toolchain.property_values import UNKNOWN, secret
from tests.toolchain.structs import properties
from tests.toolchain.waiting import wait_until

pytestmark = pytest.mark.integration

OUTPUTS = {"stdout": "", "stderr": ""}


@contextmanager
def refused(code: grpc.StatusCode) -> Iterator[list[str]]:
    """Expects a failed call; gives its message when the block is done."""
    said: list[str] = []
    with pytest.raises(grpc.RpcError) as failure:
        yield said
    assert failure.value.code() == code
    said.append(failure.value.details())


def test_create_runs_the_command_and_keeps_the_inputs(provider: Client) -> None:
    """The state is the inputs and what the command wrote."""
    answer = provider.create({"create": "echo $GREETING", "environment": {"GREETING": "hello"}})

    assert answer.id.startswith("name")
    assert properties(answer.properties) == {
        "create": "echo $GREETING",
        "environment": {"GREETING": "hello"},
        "stdout": "hello",
        "stderr": "",
    }


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


def test_without_a_create_command_nothing_runs(provider: Client) -> None:
    """A Command with a `delete` alone is created with empty outputs."""
    state = properties(provider.create({"delete": "echo bye"}).properties)

    assert state == {"delete": "echo bye", "stdout": "", "stderr": ""}


def test_update_runs_its_own_command(provider: Client) -> None:
    """`update` is preferred, `create` stands in where it is missing."""
    both = {"create": "echo created", "update": "echo updated"}

    assert provider.update(OUTPUTS, both)["stdout"] == "updated"
    assert provider.update(OUTPUTS, {"create": "echo created"})["stdout"] == "created"


def test_an_update_without_commands_keeps_the_outputs(provider: Client) -> None:
    """Changing only `delete` must not lose the ledger."""
    former = {"create": "x", "stdout": "ledger", "stderr": "notes"}

    state = provider.update(former, {"delete": "echo bye"})

    assert state == {"delete": "echo bye", "stdout": "ledger", "stderr": "notes"}


def test_the_former_output_is_given_to_the_next_run(provider: Client) -> None:
    """The ledger lives from this: a run reads the one before it, secret or not."""
    inputs = {"create": "echo $PULUMI_COMMAND_STDOUT-$PULUMI_COMMAND_STDERR"}

    state = provider.update({"stdout": secret("out"), "stderr": "err"}, inputs)

    assert state["stdout"] == "out-err"


def test_the_former_output_can_be_kept_out(provider: Client) -> None:
    """`addPreviousOutputInEnv: false` protects from an environment that is too long."""
    inputs = {"create": "echo [$PULUMI_COMMAND_STDOUT]", "addPreviousOutputInEnv": False}

    assert provider.update({**OUTPUTS, "stdout": "out"}, inputs)["stdout"] == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_former_output_that_is_too_long_lets_nothing_start(provider: Client) -> None:
    """One variable holds 128 KiB with its name; beyond that neither update nor delete can run."""
    longest = "x" * (128 * 1024 - len("PULUMI_COMMAND_STDOUT=") - 1)
    inputs = {"create": "echo ${#PULUMI_COMMAND_STDOUT}", "delete": "echo bye"}

    fits = provider.update({**OUTPUTS, "stdout": longest}, inputs)
    assert fits["stdout"] == str(len(longest))

    state = {**inputs, **OUTPUTS, "stdout": longest + "x"}
    with refused(grpc.StatusCode.UNKNOWN) as updating:
        provider.update(state, inputs)
    with refused(grpc.StatusCode.UNKNOWN) as deleting:
        provider.delete(state)
    kept_out = provider.update(state, {**inputs, "addPreviousOutputInEnv": False})

    words = "fork/exec /bin/sh: argument list too long: running"
    assert updating[0] == f'{words} "echo ${{#PULUMI_COMMAND_STDOUT}}":\n'
    assert deleting[0] == f'{words} "echo bye":\n'
    assert kept_out["stdout"] == "0"


def test_output_that_is_no_text_is_lost(provider: Client, tmp_path: Path) -> None:
    """The command has run, the resource is not recorded: a byte that is no UTF-8 is enough."""
    command = f"touch {tmp_path}/ran; printf '\\377' >&2"

    with refused(grpc.StatusCode.INTERNAL) as said:
        provider.create({"create": command, "logging": "none"})

    assert said[0] == "grpc: error while marshaling: string field contains invalid UTF-8"
    assert (tmp_path / "ran").exists()


def test_a_replacement_is_told_nothing(provider: Client) -> None:
    """`--replace`, a taint or a trigger: the new one is created without a former output."""
    answer = provider.create({"create": "echo [$PULUMI_COMMAND_STDOUT]"})

    assert properties(answer.properties)["stdout"] == "[]"


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


def test_delete_runs_with_the_state(provider: Client, tmp_path: Path) -> None:
    """`delete` has the inputs and outputs that the state holds."""
    found = tmp_path / "found"
    command = f"echo $A-$PULUMI_COMMAND_STDOUT > {found}"

    state = {"delete": command, "environment": {"A": secret("a")}, "stdout": "o", "stderr": ""}
    provider.delete(state)

    assert found.read_text() == "a-o\n"


def test_outputs_are_plain_unless_the_program_makes_them_secret(provider: Client) -> None:
    """The plugin does not spread secretness from inputs to outputs, so neither may we.

    A program that relies on it would write a plain secret into its state with the real plugin;
    it must ask for `additional_secret_outputs`.
    """
    inputs = {"create": "cat", "stdin": secret("quiet")}

    state = properties(provider.create(inputs).properties)

    assert state["stdin"] == secret("quiet")
    assert state["stdout"] == "quiet"


def test_run_runs_in_every_invocation(provider: Client) -> None:
    """`run` returns its arguments and what the command wrote."""
    answer = provider.invoke({"command": "cat; echo e >&2", "stdin": "in", "logging": "none"})

    assert properties(getattr(answer, "return")) == {
        "command": "cat; echo e >&2",
        "stdin": "in",
        "logging": "none",
        "stdout": "in",
        "stderr": "e",
    }


def test_run_without_a_command_is_refused(provider: Client) -> None:
    """A missing argument is named."""
    answer = provider.invoke({"stdin": "x"})

    assert [failure.property for failure in answer.failures] == ["command"]


def test_output_is_streamed_to_the_engine(provider: Client, engine: Engine, tmp_path: Path) -> None:
    """A line is shown as the resource's status while the command still runs."""
    gate = tmp_path / "gate"
    command = f"echo working; while [ ! -e {gate} ]; do sleep 0.01; done; echo done >&2"
    creating = threading.Thread(target=provider.create, args=({"create": command},))
    creating.start()

    engine.wait_for("working")
    gate.touch()
    creating.join(10)

    assert engine.lines() == ["working", "done"]
    assert all(entry.urn == URN and entry.ephemeral for entry in engine.logged)


@pytest.mark.parametrize("logging", ["none", "a word that the plugin does not know"])
def test_nothing_is_logged_when_logging_is_none(
    provider: Client, engine: Engine, logging: str
) -> None:
    """Output that may hold secrets stays out of the log."""
    provider.create({"create": "echo canary; echo canary >&2", "logging": logging})

    assert engine.lines() == []


def test_a_line_of_64_kib_stops_the_update_for_good(provider: Client, tmp_path: Path) -> None:
    """The command may end, and `pulumi up` goes on waiting: what logs has stopped to read."""
    command = f"printf %070000d 0; touch {tmp_path}/ended"

    with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
        provider.create({"create": command}, wait=3)

    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("logging", ["stderr", "none"])
def test_a_long_line_that_is_not_logged_is_whole(provider: Client, logging: str) -> None:
    """Only what is logged has a longest line."""
    command = "printf %0200000d 0; echo done >&2"

    state = properties(provider.create({"create": command, "logging": logging}).properties)

    assert len(state["stdout"]) == 200_000
    assert state["stderr"] == "done"


def test_streams_share_a_line_until_it_ends(
    provider: Client, engine: Engine, tmp_path: Path
) -> None:
    """What is logged is read as one: half a line of one stream is ended by the other."""
    command = "printf 'out '; sleep 0.3; echo err >&2"

    state = properties(provider.create({"create": command}).properties)

    assert engine.lines() == ["out err"]
    assert (state["stdout"], state["stderr"]) == ("out ", "err")


@on_purpose
def test_a_failure_shows_the_output_without_its_secrets(provider: Client) -> None:
    """The status tells what went wrong; a secret input's value is masked in it."""
    inputs = {
        "create": "echo token is $TOKEN; cat >&2; exit 4",
        "environment": {"TOKEN": secret("t0p-s3cret")},
        "stdin": secret('{"password": "p4ssw0rd"}'),
    }

    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.create(inputs)

    assert said[0].startswith('exit status 4: running "echo token is $TOKEN; cat >&2; exit 4":\n')
    assert "token is [secret]" in said[0]
    assert "t0p-s3cret" not in said[0]
    assert "p4ssw0rd" not in said[0]


@on_purpose
def test_a_former_secret_output_is_masked_too(provider: Client) -> None:
    """What a run was given from the state is as secret as its inputs."""
    inputs = {"create": "echo $PULUMI_COMMAND_STDOUT; exit 1"}

    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.update({"stdout": secret("ledger-secret"), "stderr": ""}, inputs)

    assert "ledger-secret" not in said[0]


def test_a_failure_may_be_long(provider: Client) -> None:
    """A command's whole output arrives with its failure, megabytes of it too."""
    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.create({"create": "printf %02000000d 0; exit 1", "logging": "none"})

    assert len(said[0]) > 2_000_000


@on_purpose
def test_cancel_ends_a_running_command(provider: Client, engine: Engine) -> None:
    """Ctrl-C in the CLI stops the command, not only the wait for it."""
    failures: list[str] = []

    def create() -> None:
        try:
            provider.create({"create": "echo started; sleep 60"})
        except grpc.RpcError as error:
            failures.append(str(error.details()))

    creating = threading.Thread(target=create)
    creating.start()
    engine.wait_for("started")

    provider.cancel()
    creating.join(10)

    assert failures[0].startswith("context canceled: running")


@on_purpose
def test_a_closed_connection_ends_a_running_command(
    provider: Client, engine: Engine, tmp_path: Path
) -> None:
    """A CLI that was killed can't cancel: its closed connection does."""
    ended = tmp_path / "ended"
    command = f"trap 'touch {ended}; exit' TERM; echo started; while :; do sleep 0.02; done"
    creating = threading.Thread(target=_create_in_vain, args=(provider, command))
    creating.start()
    engine.wait_for("started")

    provider.close()
    creating.join(10)

    wait_until(ended.exists)


def _create_in_vain(provider: Client, command: str) -> None:
    with pytest.raises((grpc.RpcError, ValueError)):
        provider.create({"create": command})


@on_purpose
def test_a_timeout_ends_the_command(provider: Client) -> None:
    """A resource's `customTimeouts` are kept."""
    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.create({"create": "sleep 60"}, timeout=1)

    assert said[0].startswith("context deadline exceeded")


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
    """The reason tells the kind of a value and never the value."""
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
