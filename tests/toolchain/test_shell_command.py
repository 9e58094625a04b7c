"""Commands as processes: streams, failure texts, and what happens when they are stopped."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.toolchain.standins.shell_command import (
    Child,
    CommandError,
    Output,
    Runner,
    ShellCommand,
)
from scripts.toolchain.standins.waiting import is_alive, wait_until

pytestmark = pytest.mark.integration


def run_for(seconds: float, text: str) -> Output:
    return Runner(grace_seconds=0.1).run(ShellCommand(text), lambda _: None, seconds)


def run(text: str, **how: object) -> Output:
    return Runner().run(ShellCommand(text, **how), lambda _: None)  # type: ignore[arg-type]


def test_both_streams_are_returned_apart() -> None:
    """Each stream is an output of its own, without the end of its last line."""
    assert run("echo out; echo err >&2") == Output(stdout="out", stderr="err")


def test_only_the_last_line_end_is_removed() -> None:
    """An output that ends with an empty line keeps it, as the plugin's does."""
    assert run(r"printf 'a\n\n'").stdout == "a\n"


def test_stdin_reaches_the_command() -> None:
    """A command reads its stdin to the end."""
    assert run("cat", stdin="from stdin").stdout == "from stdin"


def test_a_large_stdin_that_is_not_read_does_no_harm() -> None:
    """A command may ignore what it is given."""
    assert run("echo done", stdin="x" * 5_000_000).stdout == "done"


def test_without_stdin_the_command_reads_nothing() -> None:
    """A command that reads its stdin does not wait for a terminal."""
    assert run("cat").stdout == ""


def test_environment_interpreter_and_directory_are_used(tmp_path: Path) -> None:
    """The command runs where, with what and by whom the inputs say."""
    program = "import os; print(os.getcwd(), os.environ['WORD'])"

    output = run(
        program,
        interpreter=(sys.executable, "-c"),
        directory=str(tmp_path),
        environment={"WORD": "hello"},
    )

    assert output.stdout == f"{tmp_path} hello"


def test_a_failure_says_status_command_and_interleaved_output() -> None:
    """The message is the plugin's: status, quoted command, then both streams as they came."""
    command = "echo out; sleep 0.05; echo err >&2; sleep 0.05; echo again; exit 3"

    with pytest.raises(CommandError) as failure:
        run(command)

    assert str(failure.value) == f'exit status 3: running "{command}":\nout\nerr\nagain\n'


def test_a_killed_command_is_named_by_its_signal() -> None:
    """A command that dies by a signal fails with that signal's name."""
    with pytest.raises(CommandError, match=r"^signal: killed: running"):
        run("kill -9 $$")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"interpreter": ("/no/such",)}, "fork/exec /no/such: no such file or directory"),
        ({"interpreter": ("/usr",)}, "fork/exec /usr: permission denied"),
        ({"interpreter": ("nosuch",)}, 'exec: "nosuch": executable file not found in $PATH'),
        ({"directory": "/no/such"}, "chdir /no/such: no such file or directory"),
        ({"directory": "/etc/passwd"}, "fork/exec /bin/sh: not a directory"),
        ({"environment": {"A": "a\0b"}}, "exec: environment variable contains NUL"),
    ],
)
def test_a_command_that_can_not_start_is_a_failure_with_a_reason(
    how: dict[str, object], reason: str
) -> None:
    """It fails like one that returned non-zero, in the words of Go."""
    with pytest.raises(CommandError) as failure:
        run("x", **how)

    assert str(failure.value) == f'{reason}: running "x":\n'


def test_the_interpreter_is_found_on_the_plugins_own_path() -> None:
    """The command's PATH is the command's."""
    output = run("echo $PATH", interpreter=("sh", "-c"), environment={"PATH": "/nowhere"})

    assert output.stdout == "/nowhere"


def test_an_empty_directory_is_none() -> None:
    """The command runs where the plugin does."""
    assert run("pwd", directory="").stdout == os.getcwd()


def test_lines_are_logged_while_the_command_runs(tmp_path: Path) -> None:
    """A line is seen before the command ends: a long rollout shows its progress."""
    gate = tmp_path / "gate"
    seen: list[str] = []

    def log(line: str) -> None:
        seen.append(line)
        gate.touch()

    command = f"echo first; while [ ! -e '{gate}' ]; do sleep 0.01; done; printf last"
    Runner().run(ShellCommand(command), log, timeout_seconds=10)

    assert seen == ["first", "last"]


@pytest.mark.parametrize(
    ("logged", "expected"), [({"stdout"}, ["out"]), ({"stderr"}, ["err"]), (set(), [])]
)
def test_only_the_chosen_streams_are_logged(logged: set[str], expected: list[str]) -> None:
    """A stream that is not logged is still returned."""
    seen: list[str] = []
    command = ShellCommand("echo out; echo err >&2", logged=frozenset(logged))  # type: ignore[arg-type]

    output = Runner().run(command, seen.append)

    assert seen == expected
    assert output == Output("out", "err")


def test_a_line_that_is_too_long_blocks_until_the_command_is_stopped() -> None:
    """As the plugin does; a timeout ends the wait, and what was written is all there."""
    with pytest.raises(CommandError, match=r"^context deadline exceeded") as failure:
        run_for(1, "printf %070000d 0; echo; echo end")

    assert str(failure.value).endswith(f"{'0' * 70_000}\nend\n")


def start(runner: Runner, text: str) -> tuple[threading.Thread, list[CommandError]]:
    """Run `text` aside; returns once the command runs, with the list that gets its failure."""
    running, failures = threading.Event(), list[CommandError]()

    def work() -> None:
        try:
            runner.run(ShellCommand(text), lambda _: running.set())
        except CommandError as exc:
            failures.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(10), "the command logged nothing"
    return thread, failures


def test_cancel_signals_the_command_and_lets_it_finish() -> None:
    """A command may tidy up after the signal, and its last words are in the failure."""
    runner = Runner(grace_seconds=10)
    command = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    thread, failures = start(runner, command)

    runner.cancel()
    thread.join(10)

    assert str(failures[0]).startswith("context canceled: running")
    assert "tidied" in str(failures[0])


def test_cancel_leaves_nothing_of_the_process_group(tmp_path: Path) -> None:
    """Neither a command that ignores the signal survives, nor its children in the background."""
    pids = tmp_path / "pids"
    deaf = "trap '' TERM; while :; do sleep 0.02; done"
    command = f"({deaf}) & echo $! > '{pids}'; echo $$ >> '{pids}'; echo ready; {deaf}"
    runner = Runner(grace_seconds=0.1)
    thread, failures = start(runner, command)

    runner.cancel()
    thread.join(10)

    assert failures
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


def test_after_a_cancel_nothing_starts(tmp_path: Path) -> None:
    """The engine may still send what it had queued; it is refused."""
    runner = Runner()
    runner.cancel()

    with pytest.raises(CommandError, match="context canceled"):
        runner.run(ShellCommand(f"touch '{tmp_path}/ran'"), lambda _: None)

    assert not (tmp_path / "ran").exists()


def test_a_command_out_of_time_is_stopped() -> None:
    """`customTimeouts` hold for commands too."""
    with pytest.raises(CommandError, match=r"^context deadline exceeded"):
        Runner(grace_seconds=0.1).run(ShellCommand("sleep 60"), lambda _: None, timeout_seconds=0.2)


def test_a_background_process_outlives_a_successful_command() -> None:
    """A command may start a daemon: success ends nothing."""
    output = run("sleep 30 >/dev/null 2>&1 & echo $!")

    pid = int(output.stdout)
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_command_ends_when_its_provider_is_killed(tmp_path: Path) -> None:
    """A provider that dies without a word takes its commands with it."""
    pids = tmp_path / "pid"
    program = (
        "from scripts.toolchain.standins.shell_command import Runner, ShellCommand\n"
        f"Runner().run(ShellCommand('echo $$ > {pids}; while :; do sleep 0.05; done'), print)"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as provider:
        wait_until(lambda: pids.exists() and pids.read_text().strip() != "")
        provider.kill()

    wait_until(lambda: not is_alive(int(pids.read_text())))


def test_stopping_a_finished_command_does_nothing() -> None:
    """A late stop must not signal a group that may be another's by now."""
    children: list[Child] = []
    output = Runner().run(ShellCommand("echo done"), lambda _: None, on_start=children.append)

    children[0].stop()

    assert output.stdout == "done"
