"""The virtual environment after a move of its checkout."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.toolchain import virtual_environment
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def uninstalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dependencies are not installed: only the environment itself is looked at."""
    monkeypatch.setattr(virtual_environment, "_install", lambda _: None)


@pytest.mark.usefixtures("uninstalled")
def test_a_moved_checkout_is_mended(checkout: Checkout, console: Console) -> None:
    """Console scripts run again after a move, and the checkout is importable where it is now."""
    virtual_environment.ensure(checkout, console)
    moved = Checkout(root=checkout.root.with_name("moved"), cache=checkout.cache)
    shutil.move(checkout.root, moved.root)

    virtual_environment.ensure(moved, console)

    shown = subprocess.check_output([moved.venv / "bin" / "pip", "--version"], text=True)
    program = "import sys; print('\\n'.join(sys.path))"
    path = subprocess.check_output([moved.python, "-P", "-c", program], text=True)
    assert str(moved.venv) in shown
    assert str(moved.root) in path.splitlines()


@pytest.mark.usefixtures("uninstalled")
def test_a_half_made_environment_is_made_anew(checkout: Checkout, console: Console) -> None:
    """Whatever interrupted its making, an environment without pip is not taken for whole."""
    (checkout.venv / "bin").mkdir(parents=True)
    (checkout.venv / "bin" / "python").touch()

    virtual_environment.ensure(checkout, console)

    subprocess.run([checkout.python, "-m", "pip", "--version"], check=True)
    assert not (checkout.flygate / "building").exists()


def test_an_interrupted_making_leaves_nothing(
    checkout: Checkout, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while it is made leaves neither a half environment nor the folder aside."""

    def interrupted(what: str, command: list[str], *_: object) -> str:
        Path(command[-1]).mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(virtual_environment, "run", interrupted)

    with pytest.raises(KeyboardInterrupt):
        virtual_environment.ensure(checkout, console)

    assert not checkout.venv.exists()
    assert not (checkout.flygate / "building").exists()
