"""The release command: once, before anything serves; its exit code decides, its output is shown."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from flygate.commands.inspection import InspectionRequest, inspect
from flygate.commands.orders import Orders
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.models import LogLine
from flygate.fly.pace import Pace
from flygate.manifest import Gates, ReleaseCommand
from flygate.record.journal import Event
from flygate.rollout.errors import LockHeldError, RolloutHeldError, RolloutRestoredError
from flygate.rollout.machine import output
from flygate.rollout.serving import describe
from flygate.rollout.steps import run_command
from flygate.rollout.strategies import gating
from localfly.daemon.local_fly import LocalFly

from tests.infra.commands.test_hold import CANARY, Judge
from tests.infra.deployment import APP, Deployment
from tests.infra.doomed import Attempt, KilledError, is_killed_after

GATES: Final = Gates(wait="5s", drain="0s", restart=False)


class Heard:
    """The events of a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def texts(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]


def command(script: str, timeout: str = "20s", **env: str) -> ReleaseCommand:
    """A script of the shell."""
    config = {
        "init": {"cmd": ["sh", "-c", script]},
        "env": {"RELEASE_COMMAND": "1", **env},
        "restart": {"policy": "no"},
        "dns": {"skip_registration": True},
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
    }
    return ReleaseCommand(config=config, timeout=timeout)


def counting(folder: Path, more: str = "") -> ReleaseCommand:
    """A command that counts how often it ran."""
    return command(f"echo ran >> {folder}/runs; {more or 'true'}")


def runs(folder: Path) -> int:
    """How often it ran."""
    file = folder / "runs"
    return len(file.read_text().split()) if file.exists() else 0


def new(greeting: str, asked: ReleaseCommand) -> dict[str, Any]:
    """A release that has it."""
    return {"env": {"GREETING": greeting}, "release_command": asked, "gates": GATES}


async def names(shop: Deployment) -> list[str]:
    """The machines of the app."""
    return sorted(machine.name for machine in await shop.fly.machines(APP))


async def test_it_runs_before_anything_is_made(shop: Deployment, tmp_path: Path) -> None:
    """With the new image, environment and secrets; what it prints is shown, its machine goes."""
    heard = Heard()
    script = 'echo "migrates $GREETING with ${#KEY} letters"; echo "and its key is $KEY" >&2'
    asked = command(script, GREETING="two")

    await shop.release({"KEY": "s3cret-value"}, how={"listeners": (heard,)}, **new("two", asked))

    assert await names(shop) == ["v1-iad-1"]
    assert sorted(heard.texts("output")) == [
        "and its key is [secret]",
        "migrates two with 12 letters",
    ]
    order = [event.stage.split()[0] for event in heard.events if event.kind == "done"]
    assert order.index("command") < order.index("launch")
    (done,) = [text for text in heard.texts("done") if "exited with 0" in text]
    assert "migrates $GREETING" in done


async def test_one_that_fails_changes_nothing(shop: Deployment, tmp_path: Path) -> None:
    """The error has its exit code and its last lines; the next try runs it again."""
    await shop.release({"KEY": "one"}, env={"GREETING": "one"}, gates=GATES)
    before = await shop.fingerprint()
    asked = counting(tmp_path, "echo cannot reach the database; exit 3")

    async with shop.traffic() as traffic:
        with pytest.raises(RolloutRestoredError) as error:
            await shop.release({"KEY": "two"}, **new("two", asked))

    assert traffic.releases == ["v1"]
    assert not traffic.failures
    text = str(error.value)
    assert "exited with 3" in text
    assert "cannot reach the database" in text
    assert "v1 serves as before" in text
    assert "is not taken back" not in text
    assert await shop.fingerprint() == before

    await shop.release({"KEY": "two"}, **new("two", counting(tmp_path)))
    assert runs(tmp_path) == 2
    assert (await shop.ask())["KEY"] == "two"


async def test_one_that_takes_too_long_is_stopped(shop: Deployment) -> None:
    """Its time is fly.toml's."""
    with pytest.raises(
        RolloutRestoredError, match=r"has not ended after 1s \(\[deploy\] release_c"
    ):
        await shop.release(**new("one", command("exec sleep 1000", timeout="1s")))

    assert await names(shop) == []


async def test_a_program_that_is_not_in_the_image_is_named(shop: Deployment) -> None:
    """As a shell names it."""
    asked = command("")
    missing = asked.model_copy(
        update={"config": {**asked.config, "init": {"cmd": ["no-such-one"]}}}
    )

    with pytest.raises(RolloutRestoredError, match=r"the release command `no-such-one`"):
        await shop.release(**new("one", missing))

    assert await names(shop) == []


async def test_a_release_that_fails_later_says_that_it_has_run(
    shop: Deployment, tmp_path: Path
) -> None:
    """A migration is not taken back."""
    await shop.release(env={"GREETING": "one"}, gates=GATES)
    bad = new("two", counting(tmp_path))
    bad["env"]["FAULT"] = "sick"
    bad["gates"] = Gates(wait="1s", drain="0s", restart=False)

    with pytest.raises(RolloutRestoredError, match=r"Its release command has run; what it changed"):
        await shop.release(**bad)

    assert await names(shop) == ["v1-iad-1"]


async def test_a_way_back_runs_none_unasked(shop: Deployment, tmp_path: Path) -> None:
    """Nor does a second run of the same release; forward is a release like any other."""
    await shop.release(**new("one", counting(tmp_path)))
    await shop.release(**new("one", counting(tmp_path)))
    await shop.release(**new("two", counting(tmp_path)))
    assert runs(tmp_path) == 2

    await shop.pin(1)
    assert runs(tmp_path) == 2
    await shop.release(**new("two", counting(tmp_path)))
    assert runs(tmp_path) == 3
    await shop.pin(1, release_command=True, at="2099-01-01T00:00:00+00:00")
    assert runs(tmp_path) == 4


@pytest.mark.integration
@pytest.mark.timeout(300)
async def test_it_runs_once_though_the_rollout_is_killed(
    shop: Deployment, local_fly: LocalFly, tmp_path: Path
) -> None:
    """At whatever event: the next run waits for it, or takes its exit code."""
    await shop.release(env={"GREETING": "zero"}, gates=GATES)
    number, total = 1, 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = new(f"hello {number}", counting(folder, "sleep 0.3; echo done"))
        request, secrets = shop.request(**asked)
        attempt = Attempt(
            root=shop.root,
            api_url=local_fly.api_url,
            request=request.model_dump_json(),
            secrets=secrets,
            ledger=shop.ledger.dumps(),
        )
        if not await is_killed_after(number, attempt):
            break
        await shop.release(**asked)
        assert runs(folder) == 1, f"killed at {number}"
        assert (await shop.ask())["GREETING"] == f"hello {number}"
        assert [name for name in await names(shop) if "command" in name] == []
        total, number = total + 1, number + 1

    assert total > 10


async def test_an_abort_says_that_it_has_run(shop: Deployment, tmp_path: Path) -> None:
    """And removes its machine."""
    await shop.release(env={"GREETING": "one"}, gates=GATES)

    def die(event: Event) -> None:
        if event.kind == "done" and event.stage == "launch":
            raise KilledError

    with pytest.raises(KilledError):
        await shop.release(**new("two", counting(tmp_path)), how={"listeners": (die,)})
    assert "v2-release-command" in await names(shop)

    orders = Orders(abort="it was killed")
    with pytest.raises(RolloutRestoredError, match="Its release command has run"):
        await shop.release(**new("two", counting(tmp_path)), how={"orders": orders})

    assert await names(shop) == ["v1-iad-1"]


@contextmanager
def dying(in_stage: str) -> Iterator[dict[str, Any]]:
    """How a release is made whose process is gone once it has done a stage."""

    def die(event: Event) -> None:
        if event.kind == "done" and event.stage == in_stage:
            raise KilledError

    with pytest.raises(KilledError):
        yield {"listeners": (die,)}


async def killed_while_it_runs(shop: Deployment, **wanted: Any) -> None:
    """The process is gone, and the command runs on."""

    async def die(*_: Any) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_command, "watch", die)
        with pytest.raises(KilledError):
            await shop.release(**wanted)
    assert any("release-command" in name for name in await names(shop))


async def test_one_that_another_run_has_begun_is_not_taken_back_silently(
    shop: Deployment, tmp_path: Path
) -> None:
    """The run that goes on says so when it fails, too, and removes its machine."""
    await shop.release(env={"GREETING": "one"}, gates=GATES)
    wanted = new("two", counting(tmp_path))
    wanted["env"]["FAULT"] = "sick"
    wanted["gates"] = Gates(wait="1s", drain="0s", restart=False)
    with dying("launch") as how:
        await shop.release(how=how, **wanted)

    with pytest.raises(RolloutRestoredError, match="Its release command has run"):
        await shop.release(**wanted)

    assert runs(tmp_path) == 1
    assert await names(shop) == ["v1-iad-1"]


async def test_a_held_release_says_that_it_has_run(
    shop: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time, and it runs once; its machine goes when the release stands."""
    judge = Judge(["inconclusive"], [])
    monkeypatch.setattr(gating, "soaking", lambda _: (judge,))
    await shop.release(env={"GREETING": "one"}, gates=GATES)
    wanted = {**new("two", counting(tmp_path)), "machines": 2, "rollout": CANARY}

    for _ in range(2):
        with pytest.raises(RolloutHeldError, match="Its release command has run"):
            await shop.release(**wanted)
    (machine,) = (await shop.state()).commands
    await shop.fly.destroy(APP, machine.id)  # by hand
    judge.outcomes[:] = ["pass"]
    await shop.release(**wanted)

    assert runs(tmp_path) == 1
    assert await names(shop) == ["v1-iad-1", "v2-iad-1", "v2-iad-2"]


async def test_what_a_dead_run_left_running_ends_before_another_release_is_made(
    shop: Deployment, tmp_path: Path
) -> None:
    """Whether that has a command of its own or not, on the way back, too."""
    await shop.release(env={"GREETING": "one"}, gates=GATES)
    endless = new("never", counting(tmp_path, "exec sleep 1000"))
    heard = Heard()
    how = {"listeners": (heard,)}

    await killed_while_it_runs(shop, **endless)
    await shop.release(env={"GREETING": "two"}, gates=GATES, how=how)
    await killed_while_it_runs(shop, **endless)
    await shop.release(how=how, **new("three", counting(tmp_path)))
    await killed_while_it_runs(shop, **endless)
    await shop.pin(shop.running("two"), how=how)

    done = [event.text for event in heard.events if event.kind == "done"]
    gone = [n for n, text in enumerate(done) if text.endswith("(left by a rollout that died)")]
    assert len(gone) == 3
    begun = [n for n, event in enumerate(heard.events) if event.kind == "started"]
    for start in begun:
        first = next(event for event in heard.events[start:] if event.kind == "done")
        assert "release-command is gone" in first.text
    assert [name for name in await names(shop) if "command" in name] == []
    assert runs(tmp_path) == 4


async def test_what_a_dead_run_left_is_named_and_removed_where_nothing_is_to_be_released(
    shop: Deployment, tmp_path: Path
) -> None:
    """The checkout asks again for what runs."""
    await shop.release(env={"GREETING": "one"}, gates=GATES)
    await killed_while_it_runs(shop, **new("never", counting(tmp_path, "exec sleep 1000")))

    assert "left over: v2-release-command" in describe(await shop.state())
    (found,) = [
        line
        for line in (await inspect(InspectionRequest(app=APP), shop.fly)).found
        if "release-command" in line
    ]
    assert "was left by a rollout that died" in found
    await shop.release(env={"GREETING": "one"}, gates=GATES)

    assert await names(shop) == ["v1-iad-1"]
    assert not (await inspect(InspectionRequest(app=APP), shop.fly)).found


async def test_an_interruption_ends_it(shop: Deployment, tmp_path: Path) -> None:
    """Ctrl-C while it runs: it is stopped, and the former secrets are set again."""
    await shop.release({"KEY": "one"}, env={"GREETING": "one"}, gates=GATES)
    before = await shop.fingerprint()
    begun = asyncio.Event()

    def listen(event: Event) -> None:
        if event.kind == "output":
            begun.set()

    script = f"echo begins; echo goes on; sleep 1000; echo late >> {tmp_path}/late"
    asked = new("two", command(script))
    run = asyncio.create_task(shop.release({"KEY": "two"}, how={"listeners": (listen,)}, **asked))
    await begun.wait()
    run.cancel()

    with pytest.raises(RolloutRestoredError, match="interrupted"):
        await run
    assert await shop.fingerprint() == before
    assert not (tmp_path / "late").exists()


async def test_one_that_is_killed_says_so_and_what_to_do(shop: Deployment) -> None:
    """As by the platform."""
    with pytest.raises(RolloutRestoredError) as error:
        await shop.release(**new("one", command("kill -9 $$")))

    assert "(killed)" in str(error.value)
    assert "The same command again runs it anew" in str(error.value)


async def test_a_talkative_one_is_shown_up_to_a_limit(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where the rest is to be read."""
    monkeypatch.setattr(output, "LINES_MAX", 5)
    heard = Heard()
    script = "for n in 1 2 3 4 5 6 7 8; do echo line $n; done"

    await shop.release(how={"listeners": (heard,)}, **new("one", command(script)))

    *lines, last = heard.texts("output")
    assert lines == [f"line {n}" for n in range(1, 6)]
    assert last.startswith("more lines: `fly logs --app shop --machine ")


async def test_a_secret_that_is_printed_in_several_lines_is_not_shown_meanwhile(
    shop: Deployment,
) -> None:
    """Its first line says nothing that is known, and comes seconds before the others."""
    secret = "hunter-two-and-more"
    coded = base64.b64encode(secret.encode()).decode()
    heard = Heard()
    script = f"for n in {coded[:10]} {coded[10:20]} {coded[20:]} done; do echo $n; sleep 1.2; done"

    await shop.release({"KEY": secret}, how={"listeners": (heard,)}, **new("one", command(script)))

    assert heard.texts("output") == ["[secret]", "[secret]", "[secret]==", "done"]


async def test_that_its_log_can_not_be_read_fails_nothing(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code decides."""

    async def broken(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(shop.fly, "logs", broken)
    await shop.release(**new("one", command("echo done")))

    assert await names(shop) == ["v1-iad-1"]


async def test_a_log_that_comes_late_is_in_the_error(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fly's log is some seconds behind."""
    looks = 0
    really = shop.fly.logs

    async def late(app: str, machine_id: str) -> list[LogLine]:
        nonlocal looks
        machine = await shop.fly.machine(app, machine_id)
        looks += machine.state == "stopped"
        return await really(app, machine_id) if looks > 3 else []

    monkeypatch.setattr(shop.fly, "logs", late)
    with pytest.raises(RolloutRestoredError, match="no such table"):
        await shop.release(**new("one", command("echo no such table; exit 1")))


async def test_two_first_releases_do_not_migrate_side_by_side(
    shop: Deployment, endpoints: Endpoints, tmp_path: Path
) -> None:
    """There is no machine yet whose lease would keep the other away, but for the command's own."""
    begun = asyncio.Event()

    def listen(event: Event) -> None:
        if event.kind == "output":
            begun.set()

    script = f"echo begins; echo waits; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done"
    asked = new("one", command(script))
    run = asyncio.create_task(shop.release(how={"listeners": (listen,)}, **asked))
    await begun.wait()

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "service").symlink_to(shop.root / "service")
    async with FlyClient(endpoints, pace=Pace(is_limited=False)) as fly:
        other = Deployment(fly, tmp_path / "other")
        with pytest.raises(LockHeldError):
            await other.release(**new("two", counting(tmp_path)))
    (tmp_path / "go").touch()
    await run

    assert runs(tmp_path) == 0
    assert await names(shop) == ["v1-iad-1"]
