"""Whether a stack may change an app, and whether a resource may destroy what it made."""

from __future__ import annotations

from infra.owner import Owner, is_same, refusal
from infra.rollout.observe import LIVE, State


def check(state: State, ours: str, takeover: str) -> None:
    """Refuse an app that another stack releases.

    Args:
        ours: the label of the stack that asks.
        takeover: the label that its configuration names to take the app over from.

    Raises:
        OwnerError: names the owner, and the ways.
    """
    if not is_same(state.owner, ours) and state.owner != takeover:
        raise refusal(state.app, state.owner, ours)


def why_left(state: State, ours: str, tenure: str) -> str:
    """Why a delete leaves the machines of an app alone; empty if it destroys them.

    Pulumi replaces a resource by making its successor first and deleting the original afterwards,
    and the machines that serve are the successor's then.

    Args:
        tenure: of the resource that is deleted; empty where it is not known.
    """
    if not is_same(state.owner, ours):
        owner = Owner.parse(state.owner)
        return f"it belongs to the stack {owner.names if owner else state.owner}"
    live = [m for m in state.machines if m.role == LIVE and m.holder]
    successors = [m for m in live if m.holder != tenure]
    if tenure and successors:
        return f"v{successors[0].release} of the resource's successor runs there"
    return ""
