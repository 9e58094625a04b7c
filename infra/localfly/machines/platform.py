"""The parts of the local Fly that a machine uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localfly.apps.secret_store import SecretStore
from localfly.images.image_store import ImageStore
from localfly.images.reference import ImageRef
from localfly.logs.collector import LogCollector
from localfly.machines.machine import Machine
from localfly.machines.mounts import Mount
from localfly.processes.command import Command, CommandResult
from localfly.processes.identity import ProcessIdentity
from localfly.processes.process import Process
from localfly.state.store import Store
from localfly.timing.clock import Clock


class Traffic(Protocol):
    """The proxy, seen from a machine."""

    def changed(self, machine: Machine, *, is_healthy: bool) -> None:
        """Note that the machine's state, health or place in the rotation may have changed."""

    async def drained(self, machine_id: str, patience_seconds: float) -> None:
        """Return when no request is on its way to the machine, or when patience ends."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """The image that a reference means."""

    digest: str
    size_bytes: int


class Runtime(Protocol):
    """How machines run."""

    async def find(self, ref: ImageRef) -> FoundImage:
        """Return the image to run.

        Raises:
            NotFoundError: it can't be found or pulled.
        """

    async def check_mounts(self, mounts: Sequence[Mount]) -> None:
        """Check that a machine can have these mounts.

        Raises:
            InvalidArgumentError: it can't on this computer; the message says why and what to do.
        """

    def start(self, machine: Machine, secrets: Mapping[str, str], output: Path) -> Process:
        """Start the machine.

        Raises:
            FlyError: the image is gone.
            OSError: it can't be executed.
        """

    def adopt(self, identity: ProcessIdentity) -> Process | None:
        """Return what a former daemon started; None if it is gone."""

    def sweep(self, known: list[ProcessIdentity]) -> None:
        """End what runs for this state and is not known; `end_orphans` finds plain processes."""

    async def execute(
        self, machine: Machine, secrets: Mapping[str, str], command: Command
    ) -> CommandResult:
        """Run a command in the machine.

        Raises:
            DeadlineExceededError: it did not end in time.
        """


@dataclass(frozen=True, slots=True)
class Platform:
    state_id: str
    store: Store
    images: ImageStore
    secrets: SecretStore
    logs: LogCollector
    traffic: Traffic
    runtime: Runtime
    clock: Clock
