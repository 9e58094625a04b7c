"""`scripts/bootstrap` as a user starts it, and what makes its second run instant."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.toolchain import __main__ as bootstrap
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.locks import locked
from scripts.toolchain.stamp import Stamp
from tests.scripts.conftest import MakeProgram

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A checkout whose parts exist and whose stamp is written."""
    for name in ("scripts", "requirements"):
        shutil.copytree(_ROOT / name, checkout.root / name)
    for part in (checkout.python, checkout.bin / "pulumi", checkout.flygate / "env"):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    Stamp.wanted(checkout).write(checkout, "pulumi 3.259.0")
    return checkout


def test_a_finished_bootstrap_is_known_again(ready: Checkout) -> None:
    """Nothing changed, so nothing is done, and the line says what is there."""
    stamp = Stamp.wanted(ready)

    assert stamp.holds(ready)
    assert "pulumi 3.259.0" in stamp.describe(ready)


@pytest.mark.parametrize(
    "changed", ["requirements/dev.txt", "scripts/bootstrap", "scripts/toolchain/pulumi_cli.py"]
)
def test_a_changed_source_is_noticed(ready: Checkout, changed: str) -> None:
    """New pins or a new bootstrap: the work is looked at again."""
    with (ready.root / changed).open("a") as file:
        file.write("# changed\n")

    assert not Stamp.wanted(ready).holds(ready)


def test_a_move_is_noticed(ready: Checkout) -> None:
    """Another path needs another env file."""
    moved = Checkout(root=ready.root.with_name("moved"), cache=ready.cache)
    shutil.move(ready.root, moved.root)

    assert not Stamp.wanted(moved).holds(moved)


def test_a_new_pulumi_is_noticed(
    ready: Checkout, make_program: MakeProgram, tmp_path: Path
) -> None:
    """Who installs Pulumi later gets it used, instead of the stand-ins."""
    make_program(tmp_path / "path" / "pulumi", "echo v4.0.0")

    assert not Stamp.wanted(ready).holds(ready)


def test_a_cleaned_cache_is_noticed(ready: Checkout) -> None:
    """A link to a Pulumi CLI that is gone is no Pulumi CLI."""
    (ready.bin / "pulumi").unlink()
    (ready.bin / "pulumi").symlink_to(ready.cache / "gone")

    assert not Stamp.wanted(ready).holds(ready)


def test_two_bootstraps_do_not_meet(
    checkout: Checkout, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second waits for the first, and says so."""
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.set()
        with locked(checkout.flygate / "lock", console):
            order.append("second")

    with locked(checkout.flygate / "lock", console):
        waiting = threading.Thread(target=second)
        waiting.start()
        inside.wait(10)
        order.append("first")
    waiting.join(10)

    assert order == ["first", "second"]


@pytest.mark.integration
def test_an_old_python_is_refused_clearly(make_program: MakeProgram, tmp_path: Path) -> None:
    """The message says what was found, what is needed and how to name another."""
    line = 'case $1 in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac'
    for name in ("python3", "python"):
        make_program(tmp_path / name, line)
    for tool in ("dirname", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")

    done = subprocess.run(
        [_ROOT / "scripts" / "bootstrap"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "Python 3.11 or newer is needed; found: Python 3.9.2" in done.stderr
    assert "PYTHON=" in done.stderr


@pytest.mark.integration
def test_a_missing_git_is_named(tmp_path: Path, make_program: MakeProgram) -> None:
    """What can't be installed for the user is asked for, before anything is made."""
    for tool in ("dirname", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")

    done = subprocess.run(
        [_ROOT / "scripts" / "bootstrap"],
        env={"PATH": str(tmp_path), "PYTHON": sys.executable, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "git was not found on the PATH" in done.stderr


@pytest.mark.integration
def test_the_flygate_launcher_works_through_a_link(tmp_path: Path) -> None:
    """A link in the user's own bin folder finds the checkout; without .venv it says what to do."""
    copy = tmp_path / "a checkout" / "flygate"
    copy.parent.mkdir()
    shutil.copy(_ROOT / "flygate", copy)
    link = tmp_path / "flygate"
    link.symlink_to("a checkout/flygate")

    done = subprocess.run([link, "status"], cwd="/", capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert f'make -C "{copy.parent}" up' in done.stderr


def test_what_an_older_bootstrap_left_open_is_closed(
    ready: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its owner reads state, journal and locks; also if nothing else is to be done."""
    journal = ready.flygate / "journal" / "shop.jsonl"
    journal.parent.mkdir()
    journal.write_text("{}\n")
    for path in (ready.flygate, journal.parent):
        path.chmod(0o755)
    monkeypatch.setattr(Checkout, "here", lambda: ready)
    monkeypatch.setattr(sys, "argv", ["bootstrap"])

    assert bootstrap.main() == 0

    found = [one for one in (ready.flygate, *ready.flygate.rglob("*")) if not one.is_symlink()]
    assert [str(one) for one in found if one.stat().st_mode & 0o077] == []
    assert ready.flygate / "bootstrap.lock" in found
