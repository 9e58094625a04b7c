"""`flygate local … --state DIR` with a folder that is another one than was meant."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from localfly.errors import ForeignFolderError
from localfly.state.env_file import read_token
from localfly.state.folder import MARK, StateFolder

from tests.localfly.state.test_folder import former_version
from tests.localfly.typed import ROOT, Flygate, Serving

pytestmark = pytest.mark.integration

PURGE = ("down", "--purge", "--yes")


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[Path]:
    """A folder with a user's files, which every test must find as it was."""
    folder = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", folder)
    folder.chmod(0o755)
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What is in it, and who may read it."""
    paths = [folder, *folder.rglob("*")]
    return {
        str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


@pytest.mark.parametrize("words", [PURGE, ("down",), ("up", "--api-port", "0"), ("logs",)])
def test_a_folder_of_others_is_refused(words: tuple[str, ...], docs: Path) -> None:
    """Nothing is deleted, ended, started or marked in it."""
    said = Flygate(docs).run(*words, code=64)

    assert f"{docs} is not a folder of the local Fly: it has affinity.md" in said
    assert MARK in said


def test_looking_changes_nothing(docs: Path) -> None:
    """There is no local Fly in it."""
    assert "not running" in Flygate(docs).run("status", code=3)
    assert "not running" in Flygate(docs).run("faults", code=3)


@pytest.mark.parametrize("name", [".", "..", "./", "README.md", "docs/..", "docs/limits.md/.."])
@pytest.mark.parametrize("words", [PURGE, ("up", "--api-port", "0")])
def test_a_slip_is_a_usage_error(
    words: tuple[str, ...], name: str, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder, the one around it, a file: in a checkout that is only a copy."""
    checkout = docs.parent
    for file in ("README.md", "Makefile"):
        shutil.copy(ROOT / file, checkout / file)
    former_version(checkout / ".flygate" / "local")
    monkeypatch.chdir(docs if name == ".." else checkout)
    before = snapshot(checkout)

    said = Flygate(Path(name)).run(*words, code=64)

    assert "is not a folder of the local Fly" in said or "is not a folder" in said
    assert snapshot(checkout) == before


def test_the_root_is_no_state_folder() -> None:
    """Nothing is done to it here but to look: a test that fails must not delete a computer."""
    with pytest.raises(ForeignFolderError, match=r"^/ is not a folder of the local Fly"):
        StateFolder(Path("/")).check()


def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--state "$DIR"` with an unset variable, typed within a folder of the local Fly's."""
    former_version(tmp_path)
    before = snapshot(tmp_path)
    monkeypatch.chdir(tmp_path)
    program = [sys.executable, "-P", "-m", "flygate.cli", "local", *PURGE]

    for words in (["--state", ""], ["--state="]):
        run = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
        assert run.returncode == 64
        assert "The value of --state is empty" in run.stderr

    daemon = [sys.executable, "-P", "-m", "localfly", "--state", "", "--api-port", "0"]
    run = subprocess.run(daemon, capture_output=True, text=True, timeout=50, check=False)
    assert "argument --state: it is empty" in run.stderr

    assert snapshot(tmp_path) == before


def test_a_process_of_others_is_not_ended(tmp_path: Path) -> None:
    """A lock of the same name, whose number is that of a process that has nothing to do with us."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        try:
            with (tmp_path / "daemon.lock").open("w") as lock:
                lock.write(str(stranger.pid))
                lock.flush()
                fcntl.flock(lock, fcntl.LOCK_EX)
                (tmp_path / "settings.ini").touch()
                Flygate(tmp_path).run("down", code=64)
                Flygate(tmp_path).run(*PURGE, code=64)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_purge_is_asked_for(flygate: Flygate) -> None:
    """Without a terminal it is refused, on one it is asked; until then all goes on."""
    serving = Serving.start(flygate)

    said = flygate.run("down", "--purge", code=64)
    assert "1 app, 1 machine, 0 Redis, 1 image of the local Fly in" in said
    assert "Nothing was ended or deleted. `--yes` does not ask." in said
    assert serving.goes_on()

    said = flygate.answer(("down", "--purge"), "n\n", code=1)
    assert "Go on? [y/N]" in said
    assert "Nothing was ended or deleted." in said
    assert serving.goes_on()

    assert f"Deleted {flygate.state}." in flygate.answer(("down", "--purge"), "y\n", code=0)
    assert not flygate.state.exists()
    assert f"There is no {flygate.state}." in flygate.run("down", "--purge")


def test_what_others_put_there_stays(flygate: Flygate) -> None:
    """And is named. What is left is no folder of the local Fly's any more."""
    Serving.start(flygate)
    (flygate.state / "notes.txt").write_text("kept")
    (flygate.state / "images" / "logo.png").write_text("kept")

    said = flygate.run(*PURGE)

    assert said.strip().endswith("What it did not write stays: images, notes.txt")
    assert (flygate.state / "notes.txt").read_text() == "kept"
    assert (flygate.state / "images" / "logo.png").read_text() == "kept"
    assert "Nothing was done." in flygate.run("up", "--api-port", "0", code=64)
    shutil.rmtree(flygate.state)


def test_a_state_from_before_the_mark(flygate: Flygate) -> None:
    """It is used as ever, gets its mark, and can be purged with or without one."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    (flygate.state / MARK).unlink()
    flygate.run("down")

    flygate.run("up")
    assert json.loads((flygate.state / MARK).read_text())["kind"] == "flygate-local-fly"

    (flygate.state / MARK).unlink()
    assert f"Deleted {flygate.state}." in flygate.run(*PURGE)
    assert not flygate.state.exists()


def test_all_kinds_of_things_are_deleted(flygate: Flygate) -> None:
    """Whatever the local Fly writes is known to be its own: nothing of it stays."""
    serving = Serving.start(flygate, "--faults")
    url, app = serving.status["api_url"], "/v1/apps/demo"
    for path, body in (
        (f"{app}/secrets", {"values": {"A": "b"}}),
        (f"{app}/volumes", {"name": "data", "region": "iad", "size_gb": 1}),
        (f"{app}/certificates/acme", {"hostname": "shop.example.org"}),
        ("/api/v1/apps/demo/releases", {}),
        (
            "/graphql",
            {
                "query": 'mutation{createAddOn(input:{name:"shop-redis",type:upstash_redis})'
                "{addOn{id}}}"
            },
        ),
    ):
        flygate_post(f"{url}{path}", body, read_token(flygate.state))

    said = flygate.run(*PURGE)

    assert said.strip().endswith(f"Deleted {flygate.state}.")
    assert not flygate.state.exists()


def flygate_post(url: str, body: object, token: str) -> None:
    """A request that may be refused: what counts is what it leaves."""
    program = (
        "import json, sys, httpx; "
        "httpx.post(sys.argv[1], json=json.loads(sys.argv[2]), trust_env=False, timeout=20, "
        "headers={'Authorization': 'Bearer ' + sys.argv[3]})"
    )
    subprocess.run([sys.executable, "-P", "-c", program, url, json.dumps(body), token], check=True)


def test_the_daemon_itself_takes_no_other_folder(docs: Path) -> None:
    """In the foreground, too."""
    run = subprocess.run(
        [sys.executable, "-P", "-m", "localfly", "--state", str(docs), "--api-port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert run.returncode == 1
    assert "is not a folder of the local Fly" in run.stderr
    assert "Traceback" not in run.stderr
