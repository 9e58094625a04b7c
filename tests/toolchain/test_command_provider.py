"""The stand-in for pulumi-command, called over gRPC as the engine calls it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.toolchain.conftest import URN, Client, Engine
from tests.toolchain.property_values import UNKNOWN, secret
from tests.toolchain.structs import properties
from tests.toolchain.waiting import wait_until

pytestmark = pytest.mark.integration


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
    inputs = {"create": f"touch {tmp_path}/ran"}

    created = properties(provider.create(inputs, preview=True).properties)
    updated = provider.update({**inputs, "stdout": "former"}, inputs, preview=True)

    assert created == updated == {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN}
    assert not (tmp_path / "ran").exists()


def test_without_a_create_command_nothing_runs(provider: Client) -> None:
    """A Command with a `delete` alone is created with empty outputs."""
    state = properties(provider.create({"delete": "echo bye"}).properties)

    assert state == {"delete": "echo bye", "stdout": "", "stderr": ""}


def test_update_runs_its_own_command(provider: Client) -> None:
    """`update` is preferred, `create` stands in where it is missing."""
    both = {"create": "echo created", "update": "echo updated"}

    assert provider.update({"stdout": ""}, both)["stdout"] == "updated"
    assert provider.update({"stdout": ""}, {"create": "echo created"})["stdout"] == "created"


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

    assert provider.update({"stdout": "out"}, inputs)["stdout"] == "[]"


def test_delete_runs_with_the_state(provider: Client, tmp_path: Path) -> None:
    """`delete` has the inputs and outputs that the state holds."""
    found = tmp_path / "found"
    command = f"echo $A-$PULUMI_COMMAND_STDOUT > {found}"

    provider.delete({"delete": command, "environment": {"A": secret("a")}, "stdout": "o"})

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


def test_nothing_is_logged_when_logging_is_none(provider: Client, engine: Engine) -> None:
    """Output that may hold secrets stays out of the log."""
    provider.create({"create": "echo canary; echo canary >&2", "logging": "none"})

    assert engine.lines() == []


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


def test_a_former_secret_output_is_masked_too(provider: Client) -> None:
    """What a run was given from the state is as secret as its inputs."""
    inputs = {"create": "echo $PULUMI_COMMAND_STDOUT; exit 1"}

    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.update({"stdout": secret("ledger-secret")}, inputs)

    assert "ledger-secret" not in said[0]


def test_a_failure_may_be_long(provider: Client) -> None:
    """A command's whole output arrives with its failure, megabytes of it too."""
    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.create({"create": "head -c 2000000 /dev/zero | tr '\\0' x; exit 1"})

    assert len(said[0]) > 2_000_000


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
    """`ignore_changes` is kept."""
    assert provider.diff({"create": "a"}, {"create": "b"}, ignore=("create",)).changes == 1


def test_changed_triggers_replace(provider: Client) -> None:
    """Whatever the documentation says, the plugin replaces on triggers."""
    diff = provider.diff({"triggers": ["1"]}, {"triggers": ["2"]})

    assert list(diff.replaces) == ["triggers"]


@pytest.mark.parametrize(
    ("inputs", "name", "reason"),
    [
        ({"assetPaths": ["*"]}, "assetPaths", "not supported by the stand-in"),
        ({"archivePaths": ["*"]}, "archivePaths", "not supported by the stand-in"),
        ({"create": 5}, "create", "must be a string, not a number"),
        ({"environment": {"A": True}}, "environment", "must be a map of strings"),
        ({"interpreter": "sh"}, "interpreter", "must be a list of strings"),
        ({"logging": "loud"}, "logging", "stdoutAndStderr"),
        ({"addPreviousOutputInEnv": "no"}, "addPreviousOutputInEnv", "must be a boolean"),
        ({"comand": "x"}, "comand", "is unknown"),
    ],
)
def test_inputs_are_checked(
    provider: Client, inputs: dict[str, Any], name: str, reason: str
) -> None:
    """A wrong input is named with what it must be, before anything runs."""
    failures = provider.check(inputs)

    assert [failure[0] for failure in failures] == [name]
    assert reason in failures[0][1]


def test_a_wrong_secret_input_is_not_shown(provider: Client) -> None:
    """The reason tells the kind of a value and never the value."""
    failures = provider.check({"logging": secret("canary")})

    assert failures
    assert "canary" not in str(failures)


def test_unknown_and_secret_inputs_pass_the_check(provider: Client) -> None:
    """In a preview an input may not be known yet."""
    assert provider.check({"create": UNKNOWN, "stdin": secret("x"), "environment": UNKNOWN}) == []


def test_a_command_within_components_is_known(provider: Client) -> None:
    """A child's URN names its parents' types before its own."""
    urn = "urn:pulumi:s::p::flygate:Release$flygate:Step$command:local:Command::name"

    assert provider.check({"create": "x"}, urn) == []


def test_another_resource_is_refused(provider: Client) -> None:
    """The plugin's other resources are not stood in for."""
    with refused(grpc.StatusCode.UNIMPLEMENTED):
        provider.check({}, urn="urn:pulumi:s::p::command:remote:Command::name")


def test_another_function_is_refused(provider: Client) -> None:
    """What only the real plugin has says so."""
    with refused(grpc.StatusCode.UNIMPLEMENTED) as said:
        provider.invoke({}, function="command:remote:run")

    assert "install Pulumi" in said[0]
