"""The stand-in for pulumi-command, called over gRPC as the engine calls it."""

import sys
import threading
from pathlib import Path

import grpc
import pytest

from scripts.toolchain.standins.property_values import secret
from scripts.toolchain.standins.structs import properties
from scripts.toolchain.standins.waiting import wait_until
from tests.toolchain.conftest import OUTPUTS, URN, Client, Engine, on_purpose, refused

pytestmark = pytest.mark.integration


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


def test_a_replacement_gets_nothing(provider: Client) -> None:
    """`--replace`, a taint or a trigger: the new one is created without a former output."""
    answer = provider.create({"create": "echo [$PULUMI_COMMAND_STDOUT]"})

    assert properties(answer.properties)["stdout"] == "[]"


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


def test_a_line_of_64_kib_stops_the_update_permanently(provider: Client, tmp_path: Path) -> None:
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
    """The status says what went wrong; a secret input's value is masked in it."""
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
        except grpc.RpcError as exc:
            failures.append(str(exc.details()))

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
    creating = threading.Thread(target=_create_without_effect, args=(provider, command))
    creating.start()
    engine.wait_for("started")

    provider.close()
    creating.join(10)

    wait_until(ended.exists)


def _create_without_effect(provider: Client, command: str) -> None:
    with pytest.raises((grpc.RpcError, ValueError)):
        provider.create({"create": command})


@on_purpose
def test_a_timeout_ends_the_command(provider: Client) -> None:
    """A resource's `customTimeouts` are kept."""
    with refused(grpc.StatusCode.UNKNOWN) as said:
        provider.create({"create": "sleep 60"}, timeout=1)

    assert said[0].startswith("context deadline exceeded")
