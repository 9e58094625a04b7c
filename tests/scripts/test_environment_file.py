"""`.flygate/env` in the shells that may source it."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from scripts.toolchain import environment_file
from scripts.toolchain.checkout import Checkout
from scripts.toolchain.pulumi_cli import PINNED, PulumiCli

pytestmark = pytest.mark.integration

_SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(not shutil.which(shell), reason="not installed"))
    for shell in ("sh", "bash", "dash", "zsh")
]


@pytest.fixture
def written(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A checkout whose env file is written."""
    environment_file.write(checkout, PulumiCli(tmp_path / "cli" / "pulumi", PINNED))
    return checkout


def source(checkout: Checkout, shell: str, then: str) -> list[str]:
    script = f'. "$1"; . "$1"; {then}'
    said = subprocess.run(
        [shell, "-eu", "-c", script, shell, checkout.flygate / "env"],
        env={"PATH": "/usr/bin:/bin", "PULUMI_CONFIG_PASSPHRASE": "another"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr == ""
    return said.stdout.splitlines()


@pytest.mark.parametrize("shell", _SHELLS)
def test_it_sets_what_pulumi_and_flygate_need(
    written: Checkout, shell: str, tmp_path: Path
) -> None:
    """A folder with spaces and quotes works, and sourcing twice is sourcing once."""
    then = 'printf "%s\\n" "$PATH" "$PULUMI_BACKEND_URL" "$PULUMI_CONFIG_PASSPHRASE_FILE"'
    path, backend, passphrase = source(written, shell, then)

    root = written.root
    ours = f"{root}:{root}/.venv/bin:{written.bin}:{tmp_path}/cli"
    assert path == f"{ours}:/usr/bin:/bin"
    assert backend == f"file://{root}/.flygate/state"
    assert Path(passphrase).read_text().strip()


@pytest.mark.parametrize("shell", _SHELLS)
def test_it_points_to_the_local_fly_when_there_is_one(written: Checkout, shell: str) -> None:
    """What `flygate up` writes is sourced with it."""
    local = written.flygate / "local" / "env"
    local.parent.mkdir()
    local.write_text("export FLY_API_BASE_URL=http://127.0.0.1:4280\n")

    assert source(written, shell, 'echo "$FLY_API_BASE_URL"') == ["http://127.0.0.1:4280"]


def test_the_passphrase_in_the_environment_does_not_win(written: Checkout) -> None:
    """Pulumi prefers the variable to the file, and would fail to read the local stack."""
    assert source(written, "sh", 'echo "${PULUMI_CONFIG_PASSPHRASE-unset}"') == ["unset"]


def test_secrets_are_readable_by_their_owner_alone(written: Checkout) -> None:
    """The passphrase opens every secret of the local stack."""
    for name in ("env", "passphrase"):
        mode = stat.S_IMODE((written.flygate / name).stat().st_mode)
        assert mode == 0o600, name


def test_the_passphrase_is_made_once(written: Checkout, tmp_path: Path) -> None:
    """A second bootstrap must not lock the user out of the stack."""
    before = (written.flygate / "passphrase").read_text()

    environment_file.write(written, PulumiCli(tmp_path / "pulumi", PINNED))

    assert (written.flygate / "passphrase").read_text() == before
    assert len(before.strip()) >= 32
