"""`flygate local`, typed by a person: real commands, a real daemon."""

import asyncio
import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from localfly.daemon.info import DaemonInfo
from localfly.processes.identity import identify
from localfly.state.env_file import read_token

from tests.localfly.typed import Flygate, serve_one

pytestmark = pytest.mark.integration


def test_up_status_logs_down(flygate: Flygate) -> None:
    """The whole life: up says where, status shows what runs, logs what was said, down ends it."""
    said = flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    status = flygate.status()
    assert status["api_url"] in said
    assert status["proxy_url"] in said
    assert "runs already" in flygate.run("up")

    machine = asyncio.run(serve_one(flygate))
    shown = flygate.run("status")
    assert machine in shown
    assert "passing" in shown
    assert "http://demo.localhost:" in shown
    assert len(flygate.processes()) == 1
    info = DaemonInfo.from_state(json.loads((flygate.state / "daemon.json").read_text()))
    assert info.pid == status["pid"]

    flygate.run("down")
    assert flygate.processes() == []
    assert not (flygate.state / "daemon.json").exists()
    assert "not running" in flygate.run("status", code=3)
    assert "listening on" in flygate.run("logs", machine[:6])
    assert "bye" in flygate.run("logs", "-n", "1")
    assert "No machine" in flygate.run("logs", "no-such-machine", code=1)
    assert "was not running" in flygate.run("down")


def test_options_of_the_daemon(flygate: Flygate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given once they stay; others restart it; the token is in no argument."""
    monkeypatch.setenv("FLY_API_TOKEN", "canary-token-90d1")
    flygate.run("up", "--api-port", "0", "--proxy-port", "0", "--token", "--rate-limits")
    status = flygate.status()
    for header, code in (("Bearer canary-token-90d1", 200), ("Bearer other", 401)):
        headers = {"authorization": header}
        url = f"{status['api_url']}/v1/apps?org_slug=personal"
        assert httpx.get(url, headers=headers, trust_env=False).status_code == code
    identity = identify(status["pid"])
    assert identity
    assert "--token" in identity.command
    assert "canary-token-90d1" not in identity.command
    assert "runs already" in flygate.run("up")
    assert "its options have changed" in flygate.run("up", "--rate-limits")
    monkeypatch.delenv("FLY_API_TOKEN")
    said = flygate.run("up", "--token", code=1)
    assert "set FLY_API_TOKEN" in said
    assert "Traceback" not in said
    assert "--nonsense" in flygate.run("up", "--nonsense", code=64)


def test_purge_deletes_everything(flygate: Flygate) -> None:
    """Read-only images too."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    asyncio.run(serve_one(flygate))
    flygate.run("down", "--purge", "--yes")
    assert not flygate.state.exists()


def test_a_port_in_use_is_a_clear_error(flygate: Flygate, tmp_path: Path) -> None:
    """The port and the way out, in one line, no traceback."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    port = flygate.status()["api_url"].rpartition(":")[2]
    other = Flygate(tmp_path / "other")
    said = other.run("up", "--api-port", port, "--proxy-port", "0", code=1)
    assert f"port {port} of 127.0.0.1 is in use" in said
    assert "--api-port" in said
    assert "Traceback" not in said


def test_logs_follow(flygate: Flygate) -> None:
    """-f prints what comes, until it is interrupted."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    command = [sys.executable, "-u", "-m", "flygate.cli", "local", "logs", "-f"]
    with subprocess.Popen(
        [*command, "--state", str(flygate.state)], stdout=subprocess.PIPE, text=True
    ) as following:
        machine = asyncio.run(serve_one(flygate))
        assert following.stdout
        line = following.stdout.readline()
        following.terminate()
    assert machine in line
    assert "listening on" in line


def test_options_and_faults(flygate: Flygate) -> None:
    """A daemon with other options takes its place; faults are added, shown, and ended."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    assert "without --faults" in flygate.say("faults", code=1)
    said = flygate.run("up", "--faults", "--autostop-period", "60")
    assert "restarted because its options have changed" in said
    assert "runs already" in flygate.say("up"), "no option means: as it is"
    assert "Nothing goes wrong" in flygate.say("faults")
    flygate.say("faults", "add", "create_machine", "fail", "--count", "2", "--status", "503")
    assert "create_machine  fail  hit 0 of 2" in flygate.say("faults")
    assert "must be one of" in flygate.say("faults", "add", "everything", "fail", code=1)
    assert "not found" in flygate.say("faults", "machine", "0", "kill", code=1)
    assert "90s ahead" in flygate.say("faults", "clock", "90")
    assert "5% of all requests" in flygate.say("faults", "chaos", "0.05", "--seed", "3")
    assert "seed 3  hit 0 of 0" in flygate.say("faults")
    assert "share" in flygate.say("faults", "chaos", "5", code=1)
    flygate.say("faults", "clear")
    assert not {"fail", "chaos"} & set(flygate.say("faults").split())
    flygate.run("down")
    assert "not running" in flygate.say("faults", code=3)


def test_only_who_can_read_its_file_may_use_it(flygate: Flygate) -> None:
    """No token was chosen, so there is a random one, in a file of the owner's; it outlives a
    restart, and shells that have read it go on.
    """
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    noted = flygate.state / "env"
    url = f"{flygate.status()['api_url']}/v1/apps?org_slug=personal"

    def answer(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(url, headers=headers, trust_env=False).status_code

    token = read_token(flygate.state)
    assert len(token) > 40
    assert [answer(one) for one in ("local", token[:-1], token)] == [401, 401, 200]
    assert stat.S_IMODE(noted.stat().st_mode) == 0o600
    assert token not in flygate.run("up") + (flygate.state / "daemon.json").read_text()
    assert "its options have changed" in flygate.run("up", "--rate-limits")
    assert read_token(flygate.state) == token
    assert answer(token) == 200


def test_a_token_of_a_former_version_is_replaced(flygate: Flygate) -> None:
    """It was one word for all users; a shell that has read it is asked to read the file again."""
    flygate.run("up", "--api-port", "0", "--proxy-port", "0")
    noted = flygate.state / "env"
    noted.write_text(noted.read_text().replace(read_token(flygate.state), "local"))

    said = flygate.run("up", "--rate-limits")

    assert len(read_token(flygate.state)) > 40
    assert "has another address or token now" in said


def test_a_token_that_was_chosen_is_noted(
    flygate: Flygate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever signs it has, for every verb and for a shell."""
    chosen = "it's a $(token) of mine"
    monkeypatch.setenv("FLY_API_TOKEN", chosen)
    flygate.run("up", "--api-port", "0", "--proxy-port", "0", "--faults", "--token")

    monkeypatch.delenv("FLY_API_TOKEN")
    command = f'. "{flygate.state}/env"; printf %s "$FLY_API_TOKEN"'
    shell = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)

    assert shell.stdout == chosen == read_token(flygate.state)
    assert "Nothing goes wrong" in flygate.say("faults")
