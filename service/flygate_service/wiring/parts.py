"""Builds what each service has, whatever else the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flygate_limiter import Limiter
from flygate_wire.signature import Signatures

from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.metrics.statistics import Statistics, fingerprint
from flygate_service.metrics.telemetry import Telemetry
from flygate_service.settings import Settings

from .policy_loader import load_policies, reload_policies
from .stores import MachineCount, Stores


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts that the others are made of.

    Attributes:
        signatures: None without FLYGATE_KEY.
        machines: how many share a quota.
    """

    settings: Settings
    log: Any
    readiness: Readiness
    statistics: Statistics
    telemetry: Telemetry
    supervisor: Supervisor
    signatures: Signatures | None
    authenticator: Authenticator
    machines: MachineCount
    stores: Stores
    limiter: Limiter

    @classmethod
    def of(cls, settings: Settings, log: Any) -> Parts:
        """Make them.

        Raises:
            SettingError: the file of policies cannot be read, or has a mistake.
        """
        statistics = Statistics(settings.memory_bytes, settings.key or "")
        telemetry = Telemetry(log, statistics)
        signatures = Signatures(settings.key) if settings.key else None
        machines = MachineCount(settings.limiter.machines)
        stores = Stores.of(settings, telemetry, machines)
        limiter = Limiter(load_policies(settings.limiter), stores.requests, [telemetry])
        statistics.limits = lambda: fingerprint(limiter.policies)
        return cls(
            settings=settings,
            log=log,
            readiness=Readiness(),
            statistics=statistics,
            telemetry=telemetry,
            supervisor=Supervisor(telemetry.on_task_failure),
            signatures=signatures,
            authenticator=Authenticator(signatures),
            machines=machines,
            stores=stores,
            limiter=limiter,
        )

    def reload(self) -> None:
        """Read the policies again."""
        reload_policies(self.limiter, self.settings.limiter, self.log)
