"""Which process is ours, and what the system shows of it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from localfly.processes.identity import (
    MARKER,
    ProcessIdentity,
    identify,
    is_alive,
    marked_processes,
)
from localfly.processes.listing import ListeningSocket, list_processes
from localfly.processes.memory import bytes_by_group
from localfly.timing.polling import poll

pytestmark = pytest.mark.integration

_MB = 1024 * 1024
_PROGRAM = """
import socket, sys
held = b"x" * 64_000_000
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process with a marker, in a group of its own, that holds memory and listens."""
    environment = {**os.environ, MARKER: "state-1", "FLY_MACHINE_ID": "m1"}
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        text=True,
    ) as process:
        yield process
        process.kill()


def port_of(child: "subprocess.Popen[str]") -> int:
    assert child.stdout
    return int(child.stdout.readline())


def test_an_identity_is_of_one_run_of_one_command(child: "subprocess.Popen[str]") -> None:
    """Another start time or command is another process, although the pid is equal."""
    port_of(child)
    known = identify(child.pid)

    assert known
    assert known.command.startswith(f"{sys.executable} -S -c")
    assert is_alive(known)
    assert not is_alive(replace(known, started=str(int(known.started) - 1)))
    assert not is_alive(replace(known, command="another one"))


def test_an_identity_of_a_former_version_is_the_same_process(
    child: "subprocess.Popen[str]",
) -> None:
    """Its record had the id of the boot before the clock ticks."""
    port_of(child)
    known = identify(child.pid)
    assert known
    former = {
        **known.to_state(),
        "started": f"0c3ad5d8-7f5f-4f4e-9f5e-0b1f7cf5d8ab/{known.started}",
    }

    assert is_alive(ProcessIdentity.from_state(former))
    assert ProcessIdentity.from_state(known.to_state()) == known


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_the_start_is_in_clock_ticks_since_the_computers_start() -> None:
    """As Linux shows it, which no change of the clock moves."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    known = identify(os.getpid())

    assert known
    assert known.started == fields[19]


def test_a_process_that_has_ended_is_none(child: "subprocess.Popen[str]") -> None:
    """Also while its parent has not read how it ended."""
    port_of(child)
    child.kill()

    assert poll(lambda: identify(child.pid) is None, seconds=5, pause=0.01)
    assert psutil.pid_exists(child.pid), "a zombie"
    child.wait()
    assert identify(child.pid) is None


def test_processes_are_found_by_their_marker(child: "subprocess.Popen[str]") -> None:
    """Those of a state, or of one machine of it."""
    port_of(child)

    assert list(marked_processes("state-1")) == [child.pid]
    assert list(marked_processes("state-1", "m1")) == [child.pid]
    assert list(marked_processes("state-1", "m2")) == []
    assert list(marked_processes("state-2")) == []


def test_a_group_is_listed_with_what_it_uses(
    child: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """Memory, folder and sockets."""
    port = port_of(child)
    [found] = list_processes(child.pid)

    assert (found.pid, found.folder) == (child.pid, str(tmp_path))
    assert found.memory_bytes > 64 * _MB
    assert found.sockets == (ListeningSocket("tcp", "127.0.0.1", port),)
    assert bytes_by_group({child.pid}).keys() == {child.pid}
    assert 60 * _MB < bytes_by_group({child.pid})[child.pid] <= found.memory_bytes
    assert bytes_by_group(()) == {}


def test_ipv6_is_another_protocol() -> None:
    """As Fly's `ps` says it."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        mine = next(one for one in list_processes(os.getpgid(0)) if one.pid == os.getpid())
        port = listener.getsockname()[1]

        assert ListeningSocket("tcp6", "::1", port) in mine.sockets
