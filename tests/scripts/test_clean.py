"""`make clean`, typed in a checkout that has more than the local stack."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).resolve().parents[2]
_SALT = "encryptionsalt: v1:c2FsdA==:v1:bm9uY2U=:Y2lwaGVy\n"
_LOCAL = {
    ".flygate/env": "export A=b\n",
    ".flygate/passphrase": "local's\n",
    ".flygate/timings.jsonl": "{}\n",
    ".flygate/preview/flygate-local.json": "{}",
    ".flygate/lock/flygate-local.json": "",
    ".flygate/journal/flygate-local.jsonl": "{}\n",
    ".flygate/toolchain/bin/pulumi": "",
    ".flygate/state/.pulumi/meta.yaml": "version: 1\n",
    ".flygate/state/.pulumi/stacks/flygate/local.json": "{}",
    ".flygate/state/.pulumi/stacks/flygate/local.json.bak": "{}",
    ".flygate/state/.pulumi/history/flygate/local/local-1.history.json": "{}",
    ".flygate/local/local-fly.json": '{"kind": "flygate-local-fly"}',
    ".flygate/local/apps/flygate-local.json": "{}",
    ".flygate/local/env": "export FLY_API_BASE_URL=http://127.0.0.1:4280\n",
    ".flygate/local/images/" + "a" * 64 + "/image.json": "{}",
    ".pytest_cache/README.md": "",
    "Pulumi.local.yaml": f"{_SALT}config:\n  flygate:app: flygate-local\n",
}


class Checkout:
    """A copy of what `make clean` is made of, with files in the places of all that is made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("Makefile", "Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.staging.yaml"):
            shutil.copy(_ROOT / name, root / name)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / "scripts", root / "scripts", ignore=ignored)
        shutil.copytree(_ROOT / "infra" / "localfly", root / "infra" / "localfly", ignore=ignored)
        (root / ".venv").mkdir()
        self.committed = self.files()
        self.put(_LOCAL)

    def put(self, files: Mapping[str, str]) -> None:
        """Write them."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def files(self) -> dict[str, str]:
        """All that is there."""
        return {
            str(path.relative_to(self.root)): path.read_text(errors="replace")
            for path in self.root.rglob("*")
            if path.is_file()
        }

    def made(self) -> set[str]:
        """What is there beside what is committed."""
        return set(self.files()) - set(self.committed)

    def clean(self, code: int = 0) -> str:
        """`make clean`."""
        run = subprocess.run(
            ["make", "--no-print-directory", "clean"],
            cwd=self.root,
            env={**os.environ, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (run.returncode == 0) == (code == 0), run.stdout + run.stderr
        assert "Traceback" not in run.stderr
        return run.stdout + run.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """One after `make up`, in a folder whose name needs quoting."""
    root = tmp_path / "it's a checkout"
    root.mkdir()
    return Checkout(root)


def test_the_local_stack_alone_goes_altogether(checkout: Checkout) -> None:
    """With everything that was made; what is committed stays. A second time nothing is wrong."""
    images = checkout.root / ".flygate" / "local" / "images" / ("a" * 64)
    images.chmod(0o555)

    assert checkout.clean() == ""

    assert checkout.files() == checkout.committed
    assert not (checkout.root / ".flygate").exists()
    assert not (checkout.root / ".venv").exists()
    assert checkout.clean() == ""


@pytest.mark.parametrize(
    "state",
    ["stacks/flygate/staging.json", "stacks/flygate/my.stack.json.gz", "stacks/other/local.json"],
)
def test_a_stack_whose_state_is_here_loses_nothing(state: str, checkout: Checkout) -> None:
    """Neither the state, nor the key to its secrets; it is named, with what to do."""
    name = {"staging": "staging", "my": "my.stack", "local": "other/local"}[
        Path(state).name.split(".")[0]
    ]
    checkout.put({f".flygate/state/.pulumi/{state}": '{"its": "state"}'})
    before = checkout.files()

    said = checkout.clean()

    assert f"Pulumi's state of {name}" in said
    assert f".flygate/passphrase\n      the key of the secrets of {name}" in said
    assert "pulumi stack rm NAME" in said
    kept = (".flygate/state/", ".flygate/local/", ".flygate/passphrase", "Pulumi.local.yaml")
    expected = {path for path in before if path.startswith(kept)}
    assert checkout.made() == expected
    assert {path: before[path] for path in expected} == {
        path: text for path, text in checkout.files().items() if path in expected
    }
    assert not (checkout.root / ".venv").exists()


def test_a_stack_whose_app_is_on_the_local_fly_keeps_it(checkout: Checkout) -> None:
    """Its state may be elsewhere."""
    checkout.put(
        {
            "Pulumi.demo.yaml": "config:\n  flygate:app: shop-demo\n",
            ".flygate/local/apps/shop-demo.json": "{}",
        }
    )

    said = checkout.clean()

    assert "what runs of demo on the local Fly" in said
    assert ".flygate/local/apps/shop-demo.json" in checkout.made()


def test_the_key_of_a_committed_file_stays(checkout: Checkout) -> None:
    """A stack with its state in a bucket may have its secrets encrypted with our passphrase."""
    checkout.put({"Pulumi.prod.yaml": f"{_SALT}config:\n  flygate:app: shop\n"})

    said = checkout.clean()

    assert ".flygate/passphrase\n      perhaps the key of the secrets in Pulumi.prod.yaml" in said
    assert checkout.made() == {".flygate/passphrase"}


def test_the_journal_of_another_app_stays(checkout: Checkout) -> None:
    """Nothing else records what a rollout from here did."""
    checkout.put({".flygate/journal/shop.jsonl": "{}\n"})

    said = checkout.clean()

    assert ".flygate/journal/shop.jsonl\n      what rollouts of shop did" in said
    assert checkout.made() == {".flygate/journal/shop.jsonl"}


def test_what_was_not_made_here_stays(checkout: Checkout) -> None:
    """It is named: its purpose is unknown."""
    checkout.put({".flygate/staging-backup.json": "{}", ".flygate/local/notes.txt": ""})

    said = checkout.clean()

    assert ".flygate/local, .flygate/staging-backup.json\n      not made by Flygate" in said
    assert checkout.made() == {".flygate/staging-backup.json", ".flygate/local/notes.txt"}


def test_of_a_link_the_link_alone_is_removed(checkout: Checkout, tmp_path: Path) -> None:
    """What it leads to may be used by another checkout."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "pyvenv.cfg").touch()
    (checkout.root / ".venv").rmdir()
    (checkout.root / ".venv").symlink_to(shared)

    checkout.clean()

    assert not (checkout.root / ".venv").is_symlink()
    assert (shared / "pyvenv.cfg").exists()


def test_a_flygate_folder_elsewhere_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    """Several checkouts may share one by a link; only what is in this one goes."""
    shared = tmp_path / "shared"
    (checkout.root / ".flygate").rename(shared)
    (checkout.root / ".flygate").symlink_to(shared)
    before = {path for path in shared.rglob("*") if path.is_file()}

    said = checkout.clean()

    assert f".flygate is a link to {shared}: what is there stays" in said
    assert before <= {path for path in shared.rglob("*") if path.is_file()}
    assert (checkout.root / "Pulumi.local.yaml").exists()
    assert not (checkout.root / ".venv").exists()
    assert not (checkout.root / ".pytest_cache").exists()


def test_a_rollout_is_not_disturbed(checkout: Checkout) -> None:
    """Its .venv and its state are not taken away while it runs."""
    before = checkout.files()
    with (checkout.root / ".flygate/lock/flygate-local.json").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = checkout.clean(code=2)

    assert "a rollout of flygate-local is at work. Nothing was removed" in said
    assert checkout.files() == before


@pytest.mark.parametrize("host", ["", "elsewhere"], ids=["here", "elsewhere"])
def test_a_pulumi_at_work_is_not_disturbed(host: str, checkout: Checkout) -> None:
    """One that lives, or that runs on another computer, which can't be known from here."""
    pid = 1 if host else os.getpid()
    lock = {"pid": pid, "hostname": host or socket.gethostname(), "username": "me"}
    path = ".flygate/state/.pulumi/locks/organization/flygate/local/1.json"
    checkout.put({path: json.dumps(lock)})

    said = checkout.clean(code=2)

    assert f"Pulumi on local (process {pid} on " in said
    assert checkout.made() == {*_LOCAL, path}


def test_a_dead_pulumi_stops_nothing(checkout: Checkout) -> None:
    """Its lock goes with the rest."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    lock = {"pid": ended.pid, "hostname": socket.gethostname(), "username": "me"}
    checkout.put(
        {".flygate/state/.pulumi/locks/organization/flygate/local/1.json": json.dumps(lock)}
    )

    assert checkout.clean() == ""

    assert checkout.made() == set()


def test_a_local_fly_that_can_not_be_ended_is_left_alone(checkout: Checkout) -> None:
    """Without .venv there is no command for it; nothing is removed under its feet."""
    before = checkout.files()
    with (checkout.root / ".flygate/local/daemon.lock").open("w") as held:
        held.write(str(os.getpid()))
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        said = checkout.clean(code=2)

    assert f"the local Fly (process {os.getpid()}) runs" in said
    assert set(before) <= set(checkout.files())
