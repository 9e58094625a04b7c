"""Processes by their number and name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flygate.system import processes
from flygate.system.processes import ancestor, process_runs

ASK = "from flygate.system.processes import ancestor; print(ancestor('pulumi'))"


def test_the_cli_is_found_through_a_language_host(tmp_path: Path) -> None:
    """The program's grandparent; a name that only begins alike is another one."""
    cli = tmp_path / "pulumi"
    cli.symlink_to("/bin/sh")
    host = tmp_path / "pulumi-language"
    host.symlink_to("/bin/sh")
    script = tmp_path / "program.py"
    script.write_text(ASK)
    command = f"{host} -c '{sys.executable} {script}; true'; true"
    with subprocess.Popen([cli, "-c", command], stdout=subprocess.PIPE, text=True) as running:
        reported = running.communicate()[0]

    assert reported.strip() == str(running.pid)


def test_without_a_cli_there_is_none() -> None:
    """A verb that was started by hand."""
    assert ancestor("no-such-program") is None


def test_ps_knows_the_same_as_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc."""
    by_proc = processes._parent_and_name(os.getpid())
    monkeypatch.setattr(processes, "Path", lambda text: Path(f"/nowhere{text}"))
    by_ps = processes._parent_and_name(os.getpid())

    assert by_proc
    assert by_ps
    assert by_ps[0] == by_proc[0] == os.getppid()


def test_a_process_that_ended_does_not_run() -> None:
    """Its number may be another one's later."""
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert not process_runs(ended.pid)
    assert process_runs(os.getpid())
