"""Canaries by clients: which machine gets which order, and what follows if one refuses it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from flygate.commands.orders import Orders
from flygate.manifest import Course
from flygate.record.journal import Event
from flygate.rollout.clients import messenger
from flygate.rollout.errors import RolloutHeldError, RolloutRestoredError
from flygate.rollout.state import LIVE

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

COURSE = Course(strategy="canary", by="clients", steps=("10%", "100%"), soak="0s")
FLEET: dict[str, Any] = {"machines": 2, "rollout": COURSE}
KNOWN = """
import http.client, os
wire = http.client.HTTPConnection(os.environ["HOST"], 8080)
wire.request("GET", "/_flygate/cluster/order")
print(wire.getresponse().read().decode())
"""


class Reported:
    """What the journal says, and what each machine knew when it said so."""

    def __init__(self, shop: Deployment) -> None:
        self.shop = shop
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take note."""
        self.events.append(event)

    def texts(self, kind: str, stage: str) -> list[str]:
        """The texts of some events."""
        return [e.text for e in self.events if e.kind == kind and e.stage.startswith(stage)]


async def known(shop: Deployment, release: int) -> list[int]:
    """The version of the order that each machine of a release follows."""
    command = ["python", "-c", KNOWN]
    machines = (await shop.state()).of(release)
    reported = [await shop.fly.exec(APP, machine.id, command, 10) for machine in machines]
    return [int(json.loads(one.stdout)["version"]) for one in reported]


async def test_each_machine_gets_each_step(shop: Deployment) -> None:
    """The new ones before a request can reach them; orders are numbered across releases."""
    reported = Reported(shop)
    await shop.release(**FLEET)
    assert await known(shop, 1) == [0, 0]
    await shop.release(env={"GREETING": "v2"}, how={"listeners": (reported,)}, **FLEET)

    assert reported.texts("done", "part") == ["new machines own no clients yet"]
    assert reported.texts("done", "shift") == [
        "10 % of the clients are v2's (4 machines follow order 2)",
        "100 % of the clients are v2's (4 machines follow order 3)",
    ]
    assert await known(shop, 2) == [3, 3]
    await shop.release(env={"GREETING": "v3"}, **FLEET)
    assert await known(shop, 3) == [6, 6]
    assert {(m.role, m.share) for m in (await shop.state()).of(3)} == {(LIVE, None)}


async def test_a_release_that_knows_of_no_shares_is_left_alone(shop: Deployment) -> None:
    """It is too old, or has no sticky sessions: nothing changes; the message says what to do."""
    await shop.release(env={"FAULT": "mute"}, **FLEET)
    before = await shop.fingerprint()

    async with shop.traffic() as traffic:
        with pytest.raises(RolloutRestoredError) as failure:
            await shop.release(env={"GREETING": "v2"}, **FLEET)

    for part in ("knows of no shares of clients", "rollout.by machines", "v1 serves as before"):
        assert part in str(failure.value)
    assert traffic.failures == []
    assert traffic.releases == ["v1"]
    assert await shop.fingerprint() == before


async def test_a_machine_that_is_gone_needs_no_order(shop: Deployment) -> None:
    """Fly says so; the others get the order."""
    await shop.release(**FLEET)
    reported = Reported(shop)
    dead = (await shop.state()).of(1)[0]

    async def kill(event: Event) -> None:
        if event.stage == "smoke" and event.kind == "verdict":
            await shop.fly.destroy(APP, dead.id)

    tasks: list[asyncio.Task[None]] = []

    def listen(event: Event) -> None:
        reported(event)
        tasks.append(asyncio.ensure_future(kill(event)))

    await shop.release(env={"GREETING": "v2"}, how={"listeners": (listen,)}, **FLEET)
    await asyncio.gather(*tasks)

    assert "(3 machines follow" in reported.texts("done", "shift")[-1]


async def test_a_machine_that_runs_and_does_not_answer_ends_it(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clients would see another release than the others think."""
    monkeypatch.setattr(messenger, "PATIENCE_SECONDS", 0.3)
    await shop.release(**FLEET)
    before = await shop.fingerprint()
    monkeypatch.setattr(
        messenger.Messenger, "_inside", lambda *_: asyncio.sleep(0, messenger.Reply(0, "silence"))
    )

    with pytest.raises(RolloutRestoredError, match=r"v2-iad-\d .* does not answer: silence"):
        await shop.release(env={"GREETING": "v2"}, **FLEET)

    assert await shop.fingerprint() == before


async def test_a_held_share_can_be_accepted_or_taken_back(shop: Deployment) -> None:
    """No client is moved while it waits; an abort gives the clients back first."""
    undecided = COURSE.model_copy(
        update={"soak": "200ms", "judge": COURSE.judge.model_copy(update={"minimum": 10**9})}
    )
    fleet = {**FLEET, "rollout": undecided}
    await shop.release(**fleet)
    before = await shop.fingerprint()
    with pytest.raises(RolloutHeldError):
        await shop.release(env={"GREETING": "v2"}, **fleet)
    assert {m.share for m in (await shop.state()).of(2)} == {10}

    reported = Reported(shop)
    how = {"orders": Orders(abort="odd"), "listeners": (reported,)}
    with pytest.raises(RolloutRestoredError, match=r"aborted by .*: odd"):
        await shop.release(env={"GREETING": "v2"}, how=how, **fleet)

    undone = [text.split()[0] for text in reported.texts("undo", "restore")]
    assert undone.index("part") < undone.index("admit") < undone.index("adopt")
    assert await known(shop, 1) == [3, 3]
    assert await shop.fingerprint() == before
    with pytest.raises(RolloutHeldError):
        await shop.release(env={"GREETING": "v2"}, **fleet)
    again = Reported(shop)
    how = {"orders": Orders(accept="it is well"), "listeners": (again,)}
    await shop.release(env={"GREETING": "v2"}, how=how, **fleet)
    assert again.texts("done", "shift")[0].startswith("10 %")
    assert (await shop.ask())["GREETING"] == "v2"
