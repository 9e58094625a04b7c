"""The user's hooks around a real rollout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flygate.commands.orders import Orders
from flygate.commands.workspace import journal_path
from flygate.record import journal
from flygate.rollout.errors import HookRefusedError, RolloutRestoredError

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration


def hook(shop: Deployment, name: str, script: str) -> None:
    """A program in the project's `hooks/`."""
    folder = shop.root / "hooks"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def reported(path: Path) -> list[dict[str, str]]:
    """What the hooks got, in order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_hooks_run_from_the_beginning_to_the_end(shop: Deployment, tmp_path: Path) -> None:
    """Before it begins, after each gate, and when it stands; no secret is in what they get."""
    said = tmp_path / "got"
    for name in ("before-rollout", "after-step", "on-abort", "after-release"):
        hook(shop, name, f"cat >> {said}; echo >> {said}")

    await shop.release({"KEY": "canary-value"})

    names = [one["hook"] for one in reported(said)]
    assert names[0] == "before-rollout"
    assert names[-1] == "after-release"
    assert set(names[1:-1]) == {"after-step"}
    assert {one["release"] for one in reported(said)} == {"v1"}
    assert "canary-value" not in said.read_text()


async def test_a_hook_that_refuses_leaves_all_as_it_is(shop: Deployment) -> None:
    """Nothing is created, and the journal knows why."""
    hook(shop, "before-rollout", "echo it is Friday; exit 1")

    with pytest.raises(HookRefusedError, match="exit code 1 it is Friday"):
        await shop.release()

    assert (await shop.state()).machines == ()
    assert journal.read(journal_path(shop.root, APP))[-1].kind == "refused"


async def test_a_rollback_can_pass_over_a_hook_that_refuses(shop: Deployment) -> None:
    """The refusal names the flag; the journal says who used it; the next release asks again."""
    await shop.release(env={"GREETING": "good"})
    await shop.release(env={"GREETING": "bad"})
    hook(shop, "before-rollout", "echo it is Friday; exit 1")
    with pytest.raises(HookRefusedError, match="it is Friday") as refused:
        await shop.pin(1)
    assert "--no-hooks" in str(refused.value)

    await shop.pin(1, how={"orders": Orders(no_hooks="ann@laptop")})

    assert (await shop.ask())["GREETING"] == "good"
    said = [event.text for event in journal.read(journal_path(shop.root, APP))]
    assert "hooks/before-rollout is not asked: ordered by ann@laptop" in said
    with pytest.raises(HookRefusedError) as again:
        await shop.release(env={"GREETING": "next"})
    assert "--no-hooks" not in str(again.value)


async def test_a_release_that_is_taken_back_is_reported(shop: Deployment, tmp_path: Path) -> None:
    """The pager's hook runs; one that fails changes nothing and is a warning."""
    said = tmp_path / "got"
    hook(shop, "on-abort", f"cat >> {said}; echo pager is down; exit 7")

    with pytest.raises(RolloutRestoredError):
        await shop.release(env={"FAULT": "crash"})

    [one] = reported(said)
    assert one["hook"] == "on-abort"
    last = journal.read(journal_path(shop.root, APP))[-1]
    assert (last.kind, last.text) == ("warning", "hooks/on-abort failed: exit code 7 pager is down")
