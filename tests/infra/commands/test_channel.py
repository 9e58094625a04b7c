"""The streams of an operation, in a process of its own as Pulumi's plugin runs it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from flygate.commands.channel import BYTES_MAX, LINE_BYTES_MAX
from flygate.record import frame

SETUP = """
import ctypes, logging, os, subprocess, sys, warnings
import structlog
from flygate.commands.channel import channel
"""


def run(body: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python code that has the names of `SETUP`."""
    code = SETUP + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


def test_only_the_result_is_on_standard_output() -> None:
    """Python, a library's logger, C, a child process and one that stays behind may all print."""
    done = run("""
        with channel() as streams:
            print("a print")
            structlog.get_logger().warning("a log line")
            warnings.warn("a warning")
            os.write(1, b"a descriptor\\n")
            ctypes.CDLL(None).puts(b"a C library")
            ctypes.CDLL(None).fflush(None)
            subprocess.run(["echo", "a child"])
            subprocess.Popen(["sh", "-c", "sleep 0.3; echo a late child"])
            streams.send('{"result": 1}')
        streams.close("")
    """)

    assert frame.unwrap(done.stdout.decode()) == '{"result": 1}'
    assert done.stdout.count(b"\n") == 2
    for said in ("a print", "a log line", "a warning", "a descriptor", "a C library", "a child"):
        assert said.encode() in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("size", [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, 70_000, 1_000_000])
def test_a_long_line_is_cut_and_says_so(size: int) -> None:
    """The plugin stops reading at 64 KiB, and a command that goes on writing hangs."""
    done = run(f"""
        with channel() as streams:
            sys.stderr.write("ü" * {size // 2} + "\\nthe next line\\n")
        streams.close("error: the end " + "x" * 5000)
    """)

    first, second, last = done.stderr.decode().splitlines()
    assert max(map(len, done.stderr.splitlines())) <= LINE_BYTES_MAX + 40
    assert second == "the next line"
    assert first.endswith("bytes more)") == (size > LINE_BYTES_MAX)
    assert last.startswith("error: the end xxx")


def test_a_rollout_of_a_day_stays_below_what_the_next_run_can_be_given() -> None:
    """Its standard error comes back in a variable of 128 KiB; the last words have their room."""
    done = run("""
        with channel() as streams:
            for number in range(20_000):
                print("line", number, "of a long rollout", file=sys.stderr)
            streams.send("{}")
        streams.close("error: why\\nit failed")
    """)

    assert len(done.stderr) <= BYTES_MAX
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "line 0 of a long rollout"
    assert "all of it is in the journal" in lines[-3]
    assert lines[-2:] == ["error: why", "it failed"]
    assert frame.unwrap(done.stdout.decode()) == "{}"


def test_an_error_of_the_body_leaves_no_result() -> None:
    """Nothing is sent that could be taken for one."""
    done = run("""
        try:
            with channel() as streams:
                raise RuntimeError("broken")
        except RuntimeError as exc:
            streams.close(f"error: {exc}")
        sys.exit(4)
    """)

    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr.decode().splitlines() == ["error: broken"]
