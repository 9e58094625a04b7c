"""The public address of an app in memory: each request is for one machine, by its id."""

from __future__ import annotations

import asyncio

from tests.simulation.call import Call, Reply
from tests.simulation.fly import PaperApp

FORCE = "fly-force-instance-id"


def answer(app: PaperApp, call: Call) -> Reply:
    """What the machine says, or 502 if the proxy does not lead to it."""
    wanted = call.headers.get(FORCE)
    routed = [m for m in app.living if m.is_routed and wanted in {None, m.id}]
    now = asyncio.get_running_loop().time()
    for machine in routed:
        if machine.guest and machine.guest.listens(now):
            return Reply(*machine.guest.ask(call.method, call.path, call.content.decode(), now))
    return Reply(502 if routed else 503)
