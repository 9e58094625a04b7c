"""All checks: each check for itself, in order, and no secret in what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from flygate.doctor import checks as all_checks
from flygate.doctor.checks import CHECKS, Check, examine
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity, broken, ok
from flygate.pulumi.errors import NoSuchStackError
from flygate.system.errors import FlygateError

from tests.infra.doctor.paper_stack import PaperStack

SECRET = "a-secret-of-the-service"
TOKEN = "fo1_a-token-of-fly"


async def findings(checks: dict[str, Check], stack: PaperStack) -> list[Finding]:
    """What some checks find."""
    async with Facts(stack) as facts:
        return [each async for _, found in examine(facts, checks) for each in found]


async def well(_: Facts) -> Sequence[Finding]:
    return [ok("all is well")]


async def test_a_check_that_fails_or_hangs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their order is kept, and each has a severity."""
    monkeypatch.setattr(all_checks, "SECONDS_MAX", 0.1)

    async def fails(_: Facts) -> Sequence[Finding]:
        raise FlygateError("it is so")

    async def hangs(_: Facts) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    found = await findings({"fails": fails, "hangs": hangs, "well": well}, PaperStack())

    assert [(each.check, each.severity) for each in found] == [
        ("fails", Severity.BROKEN),
        ("hangs", Severity.BROKEN),
        ("well", Severity.OK),
    ]
    assert found[0].text == "it is so"


async def test_what_one_check_says_the_others_do_not_repeat() -> None:
    """They say whose finding to mend first."""

    async def needs_a_token(_: Facts) -> Sequence[Finding]:
        raise UnknownError("token", "no token", "get one")

    found = await findings({"token": needs_a_token, "app": needs_a_token}, PaperStack())

    assert found[0] == Finding(Severity.BROKEN, "no token", "get one", "token")
    assert found[1].severity is Severity.SKIPPED
    assert "`token`" in found[1].text


async def test_no_finding_shows_a_secret() -> None:
    """Not even one that an error quotes."""

    async def blabs(facts: Facts) -> Sequence[Finding]:
        token = facts.environment["FLY_API_TOKEN"]
        return [broken(f"{SECRET} and {token}", f"use {SECRET}")]

    stack = PaperStack(
        environment={"FLY_API_TOKEN": TOKEN}, settings={"secrets": json.dumps({"KEY": SECRET})}
    )
    [found] = await findings({"blabs": blabs}, stack)

    assert SECRET not in found.text + found.remedy
    assert TOKEN not in found.text


async def test_each_fact_is_asked_for_once() -> None:
    """However many checks want it, and also if one of them ran out of time."""
    asked: list[tuple[str, ...]] = []

    class Counting(PaperStack):
        def ask(self, *arguments: str) -> str:
            asked.append(arguments)
            return super().ask(*arguments)

    async def reads(facts: Facts) -> Sequence[Finding]:
        return [ok((await facts.config()).app)]

    stack = Counting(settings={"app": "shop"})
    found = await findings({"one": reads, "two": reads, "three": reads}, stack)

    assert [each.text for each in found] == ["shop"] * 3
    assert len(asked) == 1


async def test_offline_and_without_a_stack_every_check_has_a_verdict() -> None:
    """Nothing waits for a network that is not there."""
    stack = PaperStack(
        environment={"FLY_FLAPS_BASE_URL": "http://127.0.0.1:1", "FLY_API_TOKEN": "local"},
        failure=NoSuchStackError.of("demo"),
    )
    found = await findings(dict(CHECKS), stack)

    severities = {each.check: each for each in found}
    assert set(severities) == set(CHECKS)
    assert severities["backend"].remedy == "flygate init demo"
    assert severities["fly"].severity is Severity.BROKEN
    assert severities["fly"].remedy == "make up"
    others = {"configuration", "clock", "app", "dns", "machines", "redis"}
    assert {name for name in others if severities[name].severity is Severity.SKIPPED} == others
