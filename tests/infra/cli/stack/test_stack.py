"""A stack as the verbs see it, with a Pulumi that is a line of shell."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flygate.cli.stack.stack import RunFailedError, Stack
from flygate.cli.verbs import unlock
from flygate.pulumi.errors import (
    CutOffError,
    NoRoomError,
    NoSuchStackError,
    PulumiError,
    StackLockedError,
    WrongPassphraseError,
)
from flygate.system.errors import DiskFullError

pytestmark = pytest.mark.integration

MakeStack = Callable[[str], Stack]


@pytest.fixture
def stack_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeStack:
    """Makes a checkout whose `pulumi` runs a line of shell."""

    for name in [name for name in os.environ if name.startswith(("FLY_", "PULUMI_", "FLYGATE_"))]:
        monkeypatch.delenv(name)
    for name in ("FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("FLY_API_TOKEN", "test")

    def make(line: str) -> Stack:
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
        (tmp_path / ".flygate").mkdir()
        variables = {
            "PATH": f"'{program.parent}':$PATH",
            "PULUMI_BACKEND_URL": f"'file://{tmp_path}/state'",
        }
        lines = (f"export {name}={value}\n" for name, value in variables.items())
        (tmp_path / ".flygate" / "env").write_text("".join(lines))
        return Stack("prod", tmp_path)

    return make


def test_a_key_that_is_not_set_is_none(stack_of: MakeStack) -> None:
    """By Pulumi's own words for it."""
    line = "echo \"error: configuration key 'pin' not found for stack 'prod'\" >&2; exit 1"

    assert stack_of(line).config("pin") is None


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("error: no stack named 'prod' found", NoSuchStackError),
        ("error: incorrect passphrase", WrongPassphraseError),
        ("error: something new", PulumiError),
    ],
)
def test_what_can_not_be_read_is_not_taken_for_unset(
    line: str, error: type[PulumiError], stack_of: MakeStack
) -> None:
    """`flygate forward prdo` does not say that prdo is not pinned."""
    with pytest.raises(error) as failed:
        stack_of(f'echo "{line}" >&2; exit 1').config("pin")

    assert type(failed.value) is error


def test_a_map_is_written_as_a_map(stack_of: MakeStack, tmp_path: Path) -> None:
    """As text, `pulumi config set --path` of a part of it would lose all other parts."""
    stack = stack_of(f'printf "%s\\n" "$@" >> {tmp_path}/said')
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  flygate:pin: {version: v7}\n")

    stack.configure({"promotion": {"from": "local", "soak": "1h"}, "image": "x", "pin": None})
    stack.configure({"takeover": None})  # it is not there

    said = (tmp_path / "said").read_text().splitlines()
    assert json.loads(said[3]) == {
        "flygate:promotion": {
            "value": '{"from": "local", "soak": "1h"}',
            "objectValue": {"from": "local", "soak": "1h"},
            "secret": False,
        },
        "flygate:image": {"value": "x", "secret": False},
    }
    assert said[8:11] == ["config", "rm", "pin"]
    assert len(said) == 15


def up(stack: Stack) -> None:
    """What the verbs do."""
    stack.run("up", "--yes", what="The deployment")


def lay(folder: Path, **texts: str) -> None:
    """Files of Pulumi's state, as old as can be."""
    for name, text in texts.items():
        path = folder / "state" / ".pulumi" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1, 1))


LOCK = "locks/organization/flygate/prod/0f3a.json.18ec.tmp"
STATE = "stacks/flygate/prod.json"
FAILS = """case "$1" in config) echo shop;; *) echo "error: the network is down"; exit 1;; esac"""


def test_a_failure_ends_with_why_what_serves_and_what_to_type(
    stack_of: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi's own reason, also where Fly can't be asked; what was typed is shown."""
    monkeypatch.setattr("sys.argv", ["flygate", "up", "prod"])

    with pytest.raises(RunFailedError) as failed:
        up(stack_of(FAILS))

    assert str(failed.value) == (
        "The deployment failed: the network is down. What serves is unknown now, as Fly does not "
        "say. Mend that, then type `flygate up prod` again; `flygate doctor prod` looks for more."
    )
    assert failed.value.exit_code == 1


def test_a_stack_that_pulumi_can_not_read_is_reported_in_the_same_way(stack_of: MakeStack) -> None:
    """Before anything is run; what serves is asked of the app that the stack's file names."""
    stack = stack_of("echo 'error: getting secrets manager: incorrect passphrase' >&2; exit 255")

    with pytest.raises(RunFailedError) as failed:
        up(stack)

    assert "incorrect passphrase. What serves is unknown now" in str(failed.value)
    assert "`flygate doctor prod` says which one is wanted" in str(failed.value)


def test_a_disk_without_room_is_reported_before_pulumi_runs(
    stack_of: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would leave a lock and a state that are cut off."""
    stack = stack_of("echo ran >> ran")
    monkeypatch.setattr("flygate.system.space.LEAST_BYTES", 1 << 60)

    with pytest.raises(DiskFullError, match="Nothing was changed"):
        up(stack)

    assert not (stack.root / "ran").exists()


def test_what_a_full_disk_left_is_named_and_one_command_puts_it_right(
    stack_of: MakeStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Pulumi would say "unexpected end of JSON input"."""
    stack = stack_of("case $1 in config) echo shop;; esac")
    lay(tmp_path, **{LOCK: "", STATE: "", f"{STATE}.bak": '{"version": 3}'})
    monkeypatch.setattr(unlock, "Stack", lambda _: stack)

    with pytest.raises(CutOffError, match=r"cut off at 0 bytes.*`flygate unlock prod`"):
        up(stack)
    lay(tmp_path, **{STATE: '{"version": 3}'})
    with pytest.raises(StackLockedError, match=r"no room on the disk.*`flygate unlock prod` ends"):
        up(stack)
    lay(tmp_path, **{STATE: ""})
    unlock.unlock("prod")
    up(stack)

    said = capsys.readouterr().out
    assert "its lock has ended" in said
    assert "its copy prod.json.bak is whole: it is in its place now" in said


def test_a_state_that_found_no_room_is_no_success(stack_of: MakeStack, tmp_path: Path) -> None:
    """Pulumi itself prints an error, and ends with 0."""
    said = "    error: failed to save snapshot: write prod.json: no space left on device"
    stack = stack_of(f"case $1 in config) echo shop;; up) echo '{said}'; : > {{}};; esac")
    lay(tmp_path, **{STATE: '{"version": 3}', f"{STATE}.bak": '{"version": 3}'})
    program = tmp_path / "bin" / "pulumi"
    program.write_text(program.read_text().replace("{}", f"'{tmp_path}/state/.pulumi/{STATE}'"))

    with pytest.raises(RunFailedError) as failed:
        up(stack)

    assert "write prod.json: no space left on device" in str(failed.value)
    assert "Free some space there, then type `flygate unlock prod`, then" in str(failed.value)


def test_a_state_that_was_cut_off_is_named_by_the_verbs_that_read_it(
    stack_of: MakeStack, tmp_path: Path
) -> None:
    """`status`, `history`, `rollback`: what can't be read is named, and what to type."""
    stack = stack_of("echo 'error: failed to load checkpoint' >&2; exit 255")
    lay(tmp_path, **{STATE: '{"ver', f"{STATE}.bak": "{}"})

    with pytest.raises(CutOffError, match=r"cut off at 5 bytes.*`flygate unlock prod`"):
        stack.outputs()


def test_without_a_whole_copy_nothing_is_laid_in_its_place(
    stack_of: MakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and where one could come from."""
    stack = stack_of("true")
    lay(tmp_path, **{STATE: '{"ver', f"{STATE}.bak": '{"v'})
    monkeypatch.setattr(unlock, "Stack", lambda _: stack)

    with pytest.raises(CutOffError, match=r"no copy of it is whole.*pulumi stack import"):
        unlock.unlock("prod")

    assert (tmp_path / "state" / ".pulumi" / STATE).read_text() == '{"ver'


def test_a_configuration_that_finds_no_room_is_as_it_was(stack_of: MakeStack) -> None:
    """Pulumi writes over the file, and leaves nothing of it on a full disk."""
    cut = 'while [ "$1" != --config-file ]; do shift; done; : > "$2"'
    stack = stack_of(f"{cut}; echo 'error: write: no space left on device' >&2; exit 1")
    file = stack.root / "Pulumi.prod.yaml"
    file.write_text("config: {}\n")

    with pytest.raises(NoRoomError, match="no space left on device"):
        stack.configure({"pin": None, "app": "shop"})

    assert file.read_text() == "config: {}\n"
