"""The release command: once, before anything serves; its exit code decides, its output is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from flygate.commands.orders import Orders
from flygate.manifest import Gates, ReleaseCommand
from flygate.record.journal import Event
from flygate.rollout.errors import RolloutRestoredError
from localfly.daemon.local_fly import LocalFly

from tests.infra.deployment import APP, Deployment
from tests.infra.doomed import Attempt, is_killed_after

GATES: Final = Gates(wait="5s", drain="0s", restart=False)


class KilledError(BaseException):
    """As if the process were gone."""


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
