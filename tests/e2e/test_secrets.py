"""No secret value is ever in the open: not on the screen, not on disk, not in the process list."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator

import pytest

from tests.e2e.process_list import ProcessList
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Made anew each time: this file itself must not be found.
CANARY = f"canary-{secrets.token_hex(8)}"
OTHER = f"canary-{secrets.token_hex(8)}"


def test_a_canary_is_nowhere(project: Project) -> None:
    """Set, changed, failed, rolled back: no output, state, backup or journal has the value."""
    with ProcessList(CANARY, OTHER) as processes:
        project.config("secrets.DEMO_SECRET", CANARY, secret=True)
        project.up().ok()
        project.config("secrets.DEMO_SECRET", OTHER, secret=True)
        project.up().ok()
        # A release that prints its secret and dies: the operator sees its last lines.
        project.append("service/flygate_service/app.py", PRINT_AND_DIE)
        failed = project.up()
        project.restore("service/flygate_service/app.py")
        project.flygate("rollback", "local").ok()
        project.flygate("forward", "local").ok()
        project.flygate("status").ok()
        project.flygate("history").ok()
        project.pulumi("preview", "--stack", "local", "--diff").ok()
        project.pulumi("stack", "export", "--stack", "local").ok()
        project.pulumi("stack", "output", "--stack", "local", "--json").ok()

    assert failed.code != 0
    assert "it is [secret]" in failed.output
    assert processes.looks > 20
    assert processes.found == []
    assert [text for text in project.outputs if _has_canary(text.encode())] == []
    assert sorted(_files_with_canary(project)) == []


def test_a_rollback_that_fails_shows_no_former_secret(project: Project) -> None:
    """The machine that is woken prints the value that it had, which the stack has no more."""
    former, flag = f"canary-{secrets.token_hex(8)}", project.path / "broken"
    code = f"import os, pathlib, sys\n\nif pathlib.Path({str(flag)!r}).exists():\n    "
    project.append(
        "service/flygate_service/app.py", code + "sys.exit('it is ' + os.environ['DEMO_SECRET'])"
    )
    project.config("secrets.DEMO_SECRET", former, secret=True)
    project.up().ok()
    project.config("secrets.DEMO_SECRET", CANARY, secret=True)
    project.up().ok()
    serving = project.serving()

    flag.touch()
    failed = project.flygate("rollback", "local")
    flag.unlink()

    assert failed.code == 2
    assert "it is [secret]" in failed.output
    assert former not in failed.output
    assert sorted(_files_with(project, former)) == []
    assert project.serving() == serving


def test_a_secret_of_the_environment_is_refused(project: Project) -> None:
    """Before it is in a state, a backup or a machine; the message has what to type."""
    value = f"canary-{secrets.token_hex(8)}"
    project.config("env.X", value, secret=True)
    refused = project.up()
    project.forget("env.X")

    assert refused.code != 0
    assert "flygate:env.X is set as a secret" in refused.output
    assert "pulumi config set --secret --path secrets.X" in refused.output
    assert "pulumi config rm --path env.X" in refused.output
    assert value not in refused.output
    assert sorted(_files_with(project, value)) == []
    project.up().ok()


def test_only_its_owner_reads_what_is_kept(project: Project) -> None:
    """State, journal, locks, the local Fly: whatever has written it."""
    project.up().ok()
    project.flygate("status").ok()

    home = project.path / ".flygate"
    found = [one for one in (home, *home.rglob("*")) if not one.is_symlink()]
    assert len(found) > 50
    assert [str(one) for one in found if one.stat().st_mode & 0o077] == []


PRINT_AND_DIE = "import os, sys\n\nsys.exit('it is ' + os.environ['DEMO_SECRET'])"


def _files_with_canary(project: Project) -> Iterator[str]:
    return _files_with(project, CANARY, OTHER)


def _files_with(project: Project, *values: str) -> Iterator[str]:
    """All files of the copy, but for what a machine itself printed into its own log."""
    for path in project.path.rglob("*"):
        relative = path.relative_to(project.path)
        skipped = relative.parts[0] == ".venv" or relative.parts[:3] == (
            ".flygate",
            "local",
            "logs",
        )
        if skipped or path.is_symlink() or not path.is_file():
            continue
        if _has(path.read_bytes(), *values):
            yield str(relative)


def _has_canary(content: bytes) -> bool:
    return _has(content, CANARY, OTHER)


def _has(content: bytes, *values: str) -> bool:
    forms = [form for value in values for form in _forms(value)]
    return any(form in content for form in forms)


def _forms(value: str) -> list[bytes]:
    """As it is, and in base64 at each of the three alignments."""
    encoded = [
        base64.b64encode(b"x" * shift + value.encode())[4:-4]
        if shift
        else base64.b64encode(value.encode())[:-4]
        for shift in range(3)
    ]
    return [value.encode(), *encoded]
