"""kill -9 after every event of a rollout's journal: users notice nothing, the next run converges.

The events are those that the rollout really has, up to the last, so no new step is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flygate.manifest import Course
from flygate.record.journal import Event
from flygate.rollout.plan import is_converged
from flygate.rollout.state import LIVE, STANDBY
from localfly.daemon.local_fly import LocalFly

from tests.infra.commands.test_groups import disk, worker
from tests.infra.deployment import Deployment
from tests.infra.doomed import Attempt, is_killed_after
from tests.infra.foretold import Foretold

# Some thirty releases, and as many that die.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

# Rolling has all the steps that canary and blue/green have, and old machines that go before its
# point of no return. A standby goes with the next release, or there were more and more of them.
BY_CLIENTS = Course(strategy="canary", by="clients", steps=("10%", "100%"), soak="0s", standby="0s")
ROLLING = Course(strategy="rolling", steps=(1, "100%"), standby="0s")


class Doomed:
    """A shop whose releases die."""

    def __init__(self, shop: Deployment, local_fly: LocalFly) -> None:
        self.shop = shop
        self.local_fly = local_fly
        self.course = ROLLING
        self.more: Callable[[int], dict[str, Any]] = lambda _: {}

    async def is_killed(self, number: int, *, pin: int = 0) -> bool:
        """Release something new (or an old version again), and die after a number of events."""
        request, secrets = self.shop.request(pin) if pin else self.shop.request(**self.new(number))
        return await is_killed_after(
            number,
            Attempt(
                root=self.shop.root,
                api_url=self.local_fly.api_url,
                request=request.model_dump_json(),
                secrets=secrets,
                ledger=self.shop.ledger.dumps(),
            ),
        )

    def new(self, number: int) -> dict[str, Any]:
        """A release that shows its number in its environment and in its secret."""
        return {
            **self.more(number),
            "secrets": {"KEY": f"key-{number}"},
            "env": {"GREETING": f"hello {number}"},
            "machines": 2,
            "rollout": self.course,
        }

    async def is_whole(self) -> None:
        """The release of the ledger serves alone."""
        current = self.shop.ledger.current
        assert current is not None
        state = await self.shop.state()
        assert is_converged(state, current.version, current.manifest.count), state
        roles = {m.role for m in state.of(current.version)}
        assert roles == {LIVE}
        assert {m.role for m in state.machines if m.release != current.version} <= {STANDBY}


@pytest.fixture
def doomed(shop: Deployment, local_fly: LocalFly) -> Doomed:
    """See the class."""
    return Doomed(shop, local_fly)


async def test_the_same_command_again_ends_what_was_begun(doomed: Doomed) -> None:
    """At whatever event it died: the release that was wanted stands in the end, with its values."""
    shop = doomed.shop
    await shop.release(**doomed.new(0))
    number = 1
    async with shop.traffic() as traffic:
        while await doomed.is_killed(number):
            plan = await Foretold.of(shop, **doomed.new(number))
            await shop.release(how={"listeners": (plan,)}, **doomed.new(number))
            assert plan.done == plan.steps, f"killed at {number}"
            await doomed.is_whole()
            assert (await shop.fingerprint())["leases"] == []
            answer = await shop.ask()
            assert (answer["GREETING"], answer["KEY"]) == (f"hello {number}", f"key-{number}")
            number += 1

    assert traffic.failures == []
    assert number > 25


async def test_clients_that_were_moved_stay_moved(doomed: Doomed) -> None:
    """A canary by clients goes on where it died: no client sees the former release again."""
    shop = doomed.shop
    doomed.course = BY_CLIENTS
    await shop.release(**doomed.new(0))
    number = 1
    seen: set[int] = set()
    async with shop.traffic() as traffic:
        while await doomed.is_killed(number):
            moved = max((m.share or 0 for m in (await shop.state()).machines), default=0)
            seen.add(moved)
            events, plan = Events(), await Foretold.of(shop, **doomed.new(number))
            await shop.release(how={"listeners": (events, plan)}, **doomed.new(number))
            assert plan.done == plan.steps, f"killed at {number}"
            assert min(events.percents, default=moved) >= moved
            await doomed.is_whole()
            assert {m.share for m in (await shop.state()).machines} == {None}
            assert (await shop.ask())["GREETING"] == f"hello {number}"
            number += 5  # each takes seconds; what the steps have in common is tried above

    assert traffic.failures == []
    assert seen == {0, 10, 100}


async def test_machines_with_volumes_converge_too(doomed: Doomed) -> None:
    """Kept ones, and a worker beside them: each has the values of the release that stands."""
    shop = doomed.shop
    doomed.more = kept_and_worker
    await shop.release(**doomed.new(0))
    disks = {(m.id, m.volume) for m in (await shop.state()).machines if m.volume}
    number = 1
    async with shop.traffic() as traffic:
        while await doomed.is_killed(number):
            back = number % 2 == 0  # the operator reverts the change
            wanted = doomed.new(0 if back else number)
            plan = await Foretold.of(shop, **wanted)
            await shop.release(how={"listeners": (plan,)}, **wanted)
            assert plan.done == plan.steps, f"killed at {number}"
            await doomed.is_whole()
            assert (await shop.fingerprint())["leases"] == []
            answer = await shop.ask()
            assert (answer["GREETING"], answer["KEY"]) == (
                wanted["env"]["GREETING"],
                wanted["secrets"]["KEY"],
            ), f"killed at {number}"
            machines = (await shop.state()).machines
            assert {(m.id, m.volume) for m in machines if m.volume} == disks
            if back:
                await shop.release(**doomed.new(number))
            number += 3  # each takes seconds; all of them were tried once

    assert traffic.failures == []
    assert number > 25


def kept_and_worker(number: int) -> dict[str, Any]:
    """What serves has volumes; a worker is replaced."""
    greeting = f"hello {number}"
    return {**disk(greeting), "others": (worker(greeting),)}


class Events:
    """What the journal says of shares."""

    def __init__(self) -> None:
        self.percents: list[int] = []

    def __call__(self, event: Event) -> None:
        """Take note of what is done."""
        if event.kind == "done" and event.stage.startswith(("part", "shift")):
            self.percents += [int(number) for number in re.findall(r"(\d+) %", event.text)]


async def test_the_former_release_can_be_had_back_whenever_it_died(doomed: Doomed) -> None:
    """The operator reverts the change: the same machines as before serve, with their values."""
    shop = doomed.shop
    await shop.release(**doomed.new(0))
    before = {m.id for m in (await shop.state()).machines}
    number = 1
    async with shop.traffic() as traffic:
        while await doomed.is_killed(number):
            plan = await Foretold.of(shop, **doomed.new(0))
            await shop.release(how={"listeners": (plan,)}, **doomed.new(0))
            assert plan.done == plan.steps, f"killed at {number}"
            await doomed.is_whole()
            now = await shop.state()
            assert {m.id for m in now.machines if m.serves} == before, f"killed at {number}"
            assert (await shop.ask())["KEY"] == "key-0"
            number += 3  # each takes seconds, and the test above has them all

    assert traffic.failures == []
    assert number > 25


async def test_a_rollback_that_died_is_ended_by_the_next(doomed: Doomed) -> None:
    """From standby: its machines have worked for another release, rest, and begin to work again."""
    shop = doomed.shop
    course = Course(standby="1h")
    await shop.release({"KEY": "old"}, env={"GREETING": "old"}, rollout=course)
    await shop.release({"KEY": "new"}, env={"GREETING": "new"}, rollout=course)
    wanted, number = ("new", "old"), 1
    async with shop.traffic() as traffic:
        while await doomed.is_killed(number, pin=shop.running(wanted[number % 2])):
            word = wanted[number % 2]
            plan = await Foretold.of(shop, shop.running(word))
            await shop.pin(shop.running(word), how={"listeners": (plan,)})
            assert plan.done == plan.steps, f"killed at {number}"
            await doomed.is_whole()
            answer = await shop.ask()
            assert (answer["GREETING"], answer["KEY"]) == (word, word)
            number += 1

    assert traffic.failures == []
    assert number > 12
