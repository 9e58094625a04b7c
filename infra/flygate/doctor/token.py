"""The Fly token: accepted, not about to expire, and good for this app."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import APP, TOKEN, Facts
from flygate.doctor.finding import Finding, Severity, broken, ok, warning
from flygate.fly import macaroon
from flygate.fly.macaroon import Grant
from flygate.fly.models import App

DAY_SECONDS = 86_400
SOON_DAYS = 14


async def examine(facts: Facts) -> Sequence[Finding]:
    """What the token says of itself, then what Fly says of it."""
    try:
        endpoints = await facts.endpoints()
    except UnknownError as exc:
        return [broken(str(exc), renewal(facts, "<slug>"))]
    desired = await facts.config()
    remedy = renewal(facts, desired.org)
    grant = macaroon.read(endpoints.token)
    finding = judge(grant, time.time(), remedy)
    if finding.severity is Severity.BROKEN:
        return [finding]
    try:
        app = await facts.app()
    except UnknownError as exc:
        if exc.check == TOKEN:
            return [broken(f"Fly does not accept the token: {exc}", remedy)]
        if exc.check != APP:
            raise
        return [finding]
    if is_for_others(grant, app):
        return [broken(f"the token is for other apps than {desired.app}", remedy)]
    return [finding]


def is_for_others(grant: Grant | None, app: App | None) -> bool:
    """The token names the apps that it is good for, and this one is not among them."""
    if grant is None or grant.apps is None or app is None or not app.number:
        return False
    return app.number not in grant.apps


def renewal(facts: Facts, org: str) -> str:
    """How to get a token."""
    if facts.is_on_local_fly:
        return "make up, then . .flygate/env"
    return f"export FLY_API_TOKEN=$(fly tokens create org --org {org} --expiry 2160h)"


def judge(grant: Grant | None, now: float, remedy: str) -> Finding:
    """What a token says of itself; None if it says nothing that can be read."""
    if grant is None:
        return ok("accepted; when it expires can't be seen")
    if not grant.may_write:
        return broken("the token may only read", remedy)
    if grant.expires_at is None:
        return ok(f"accepted; {_scope(grant)}, for ever")
    days = (grant.expires_at - now) / DAY_SECONDS
    until = time.strftime("%Y-%m-%d", time.gmtime(grant.expires_at))
    if days < 0:
        return broken(f"the token has expired on {until}", remedy)
    if days < SOON_DAYS:
        return warning(f"the token expires in {days:.0f} days, on {until}", remedy)
    return ok(f"accepted; {_scope(grant)}, until {until}")


def _scope(grant: Grant) -> str:
    return "for certain apps only" if grant.apps is not None else "for the whole organisation"
