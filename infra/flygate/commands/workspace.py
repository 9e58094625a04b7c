"""`Workspace`: what a run works in: the checkout, Fly, and the operator's orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flygate.commands.orders import Orders
from flygate.fly.client import FlyClient
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record.journal import Event
from flygate.rollout.report import Report

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Workspace:
    """Attributes:
    root: the checkout, for the image's source, the journal and the lock.
    listeners: called with each event of the journal.
    checkpoint: reads what Pulumi last wrote of a stack, by the label of its owner.
    """

    root: Path
    fly: FlyClient
    orders: Orders = field(default_factory=Orders)
    listeners: tuple[Listener, ...] = field(default_factory=lambda: (Report(),))
    checkpoint: Callable[[str], Checkpoint] = field(default=lambda owner: Checkpoint())


def journal_path(root: Path, app: str) -> Path:
    """Return where this computer keeps an app's journal."""
    return root / ".flygate" / "journal" / f"{app}.jsonl"


def lock_path(root: Path, app: str) -> Path:
    """Return where this computer notes which process rolls an app out."""
    return root / ".flygate" / "lock" / f"{app}.json"
