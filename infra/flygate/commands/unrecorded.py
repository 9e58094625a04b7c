"""The version that serves and that the stack's ledger lacks. Reads only.

A way back begins at what serves, so the program asks when one is ordered.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from flygate.commands.decision import Newest, unrecorded
from flygate.fly.client import FlyClient
from flygate.rollout.state import observe


class UnrecordedRequest(BaseModel):
    """What to look for.

    Attributes:
        known: the newest version that the ledger has, 0 if it has none.
        owner: as in `ReleaseRequest`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    known: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """What was found.

    Attributes:
        version: the one that serves whole and is newer than `known`; 0 if there is none.
        manifest: its manifest's id.
    """

    version: int = 0
    manifest: str = ""


async def find(request: UnrecordedRequest, fly: FlyClient) -> Unrecorded:
    """Look at the live app; where there is none, nothing serves."""
    if await fly.app(request.app) is None:
        return Unrecorded()
    state = await observe(fly, request.app)
    if not (version := unrecorded(state, request.known)):
        return Unrecorded()
    return Unrecorded(version, Newest.serving(state, version).manifest)
