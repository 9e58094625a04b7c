"""`flygate local up` while a local Fly runs: it is not stopped for what can't be."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from localfly.daemon.control import DaemonControl
from localfly.daemon.launch import Launch
from localfly.daemon.options import Options
from localfly.errors import StartupError
from localfly.state.store import Store

from tests.localfly.typed import Flygate, Serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.fixture
def serving(flygate: Flygate) -> Serving:
    """A daemon with options, and a machine that serves."""
    return Serving.start(flygate, "--faults")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


@pytest.fixture
def free() -> int:
    """A port on which nothing listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        return int(other.getsockname()[1])


def test_what_can_not_be_is_refused_by_name(serving: Serving, taken: int, free: int) -> None:
    """And the daemon, its options and its machine stay as they are."""
    up = serving.flygate.run
    for words, code, named in (
        (("--api-port", "99999"), 64, "'--api-port': Input should be less than or equal to 65535"),
        (("--proxy-port", "-1"), 64, "'--proxy-port': Input should be greater than or equal to 0"),
        (("--api-port", "http"), 64, "'--api-port': "),
        (("--api-port", str(taken)), 1, f"port {taken} of 127.0.0.1 is in use"),
        (("--proxy-port", str(taken)), 1, "choose another port with --proxy-port N"),
        (("--api-port", str(free), "--proxy-port", str(free)), 64, f"port {free} can't be"),
        (("--api-port", str(serving.port("proxy"))), 64, "can't be the API's and the proxy's"),
        (("--nonsense",), 64, "--nonsense"),
        (("--faults", "somewhere"), 64, "somewhere"),
        (("--rate",), 64, "there is no option --rate"),
        (("--region", "mars"), 64, "there is no region 'mars'; there are ams, "),
        (("--latency", "-1"), 64, "argument --latency: '-1' is not a share"),
        (("--latency", "nan"), 64, "argument --latency: 'nan'"),
        (
            ("--autostop-period", "0"),
            64,
            "argument --autostop-period: '0' is not a number of seconds",
        ),
        (("--autostop-period", "soon"), 64, "argument --autostop-period: 'soon'"),
        (("--runtime", "podman"), 64, "argument --runtime: invalid choice: 'podman'"),
        (("--runtime", "docker"), 1, "--runtime docker: Docker does not answer here"),
    ):
        said = up("up", *words, code=code, variables=NO_DOCKER)
        assert named in said, (words, said)
    assert serving.goes_on()
    assert Store(serving.flygate.state).read("daemon")["options"] == ["--faults"]  # type: ignore[index]


def test_a_token_that_is_missing_is_not_found_out_afterwards(serving: Serving) -> None:
    """`--token` without one in the environment."""
    environment = {"FLY_API_TOKEN": "", "FLY_ACCESS_TOKEN": ""}

    said = serving.flygate.run("up", "--token", code=1, variables=environment)

    assert "--token needs a token" in said
    assert serving.goes_on()


def test_another_port_is_another_port(serving: Serving, free: int) -> None:
    """It takes effect by a restart, which is said; the options stay, the machine comes back."""
    noted = serving.flygate.state / "env"
    assert f"export FLY_API_BASE_URL={serving.status['api_url']}\n" in noted.read_text()
    assert "another address" not in serving.flygate.run("up")

    said = serving.flygate.run("up", "--api-port", str(free))

    assert f"{noted} has another address or token now" in said
    former = serving.port("api")
    assert f"restarted because its API port has changed: {free} instead of {former}" in said
    status = serving.flygate.status()
    assert status["api_url"] == f"http://127.0.0.1:{free}"
    assert status["proxy_url"] == serving.status["proxy_url"]
    assert Store(serving.flygate.state).read("daemon")["options"] == ["--faults"]  # type: ignore[index]
    [app] = status["apps"]
    assert [machine["id"] for machine in app["machines"]] == [serving.machine]
    assert "runs already" in serving.flygate.run("up", "--api-port", str(free))
    assert "runs already" in serving.flygate.run("up", "--api-port", "0", "--proxy-port", "0")


def test_the_two_ports_may_be_exchanged(serving: Serving) -> None:
    """Both are the daemon's own, and free once it has ended."""
    api, proxy = serving.port("api"), serving.port("proxy")

    serving.flygate.run("up", "--api-port", str(proxy), "--proxy-port", str(api))

    status = serving.flygate.status()
    assert status["api_url"] == f"http://127.0.0.1:{proxy}"
    assert status["proxy_url"] == f"http://127.0.0.1:{api}"


def test_another_token_is_not_ignored(flygate: Flygate) -> None:
    """It restarts the daemon; and a restart for another reason does not change the token."""
    first, second = {"FLY_API_TOKEN": "token-of-before"}, {"FLY_API_TOKEN": "token-of-now"}
    flygate.run("up", "--api-port", "0", "--proxy-port", "0", "--token", variables=first)
    assert "runs already" in flygate.run("up", "--token", variables=first)

    said = flygate.run("up", "--token", variables=second)
    assert "restarted because its token has changed" in said
    assert "token-of-now" not in said + (flygate.state / "daemon.json").read_text()

    pid = flygate.status()["pid"]
    store = Store(flygate.state)
    store.write("daemon", {**(store.read("daemon") or {}), "version": "older"})
    for variables in (first, {"FLY_API_TOKEN": ""}):
        said = flygate.run("up", code=1, variables=variables)
        assert "token" in said
        assert "The local Fly that runs was left as it is." in said
    assert flygate.status()["pid"] == pid
    assert "its code has changed" in flygate.run("up", variables=second)


class FailingOnce(DaemonControl):
    """Its first start of a daemon with other options fails for a reason that no
    check could find.
    """

    def _start(self, launch: Launch):  # type: ignore[no-untyped-def]
        if launch.options and launch.options.rate_limits:
            raise StartupError("the disk is full.")
        return super()._start(launch)


async def test_a_start_that_fails_nevertheless_brings_the_former_one_back(tmp_path: Path) -> None:
    """With its options, on its ports."""
    control = FailingOnce(tmp_path / "state")
    try:
        former = (await asyncio.to_thread(control.up, 0, 0, Options(has_faults=True))).info
        with pytest.raises(StartupError, match=r"^the disk is full\. The former one was started"):
            await asyncio.to_thread(control.up, None, None, Options(rate_limits=True))
        info = control.running()
    finally:
        await asyncio.to_thread(control.down)

    assert info
    assert (info.api_url, info.proxy_url) == (former.api_url, former.proxy_url)
    assert info.options == ("--faults",)
    assert info.pid not in {former.pid, os.getpid()}
