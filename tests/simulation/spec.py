"""What a checkout and its configuration ask for: small numbers, from which the manifest is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flygate.config import By, Strategy
from flygate.config.redis import URL
from flygate.manifest import Course, Gates, Manifest

from tests.simulation.guest import Nature

APP = "shop"
# What dies before it is never released.
UPTIME = "3s"
_CHECK = {"type": "http", "path": "/readyz", "interval": "1s", "timeout": "2s", "port": 8080}
_PORT = {"port": 443, "handlers": ["http", "tls"]}
_SERVICE = {"internal_port": 8080, "ports": [_PORT], "checks": [_CHECK]}


@dataclass(frozen=True, slots=True)
class Spec:
    """Attributes:
    code, greeting, key: numbers; another one is another image, variable or secret value.
    other: a second secret, or none.
    fault: how the service behaves: see `guest.Nature`.
    machines: in each region.
    restart: the first new machine is stopped and started.
    """

    code: int = 1
    greeting: int = 1
    key: int = 1
    other: int = 0
    fault: str = ""
    machines: int = 1
    regions: tuple[str, ...] = ("iad",)
    phase: int = 1
    strategy: Strategy = "canary"
    by: By = "machines"
    steps: tuple[int | str, ...] = ("100%",)
    soak: str = "0s"
    drain: str = "0s"
    standby: str = "1h"
    restart: bool = True

    @property
    def is_good(self) -> bool:
        """Its release should stand."""
        return Nature.of({"FAULT": self.fault}).is_good

    @property
    def needs_redis(self) -> bool:
        """It keeps its limits in a database."""
        return self.phase == 3

    def secrets(self, redis_url: str = "") -> dict[str, str]:
        """Name → value. Each value is long enough to be found wherever it is shown."""
        values = {"KEY": f"canary-key-{self.key:04}-{'x' * self.key}"}
        if self.other:
            values["OTHER"] = f"canary-other-{self.other:04}"
        return {**values, URL: redis_url} if redis_url else values

    def manifest(self, names: tuple[str, ...]) -> Manifest:
        """The public half.

        Args:
            names: of the secrets.
        """
        env = {"GREETING": str(self.greeting), "RATE_LIMIT_BURST": "10"}
        if self.fault:
            env["FAULT"] = self.fault
        digest = hashlib.sha256(str(self.code).encode()).hexdigest()
        return Manifest(
            app=APP,
            image=f"registry.fly.io/{APP}@sha256:{digest}",
            config={"env": env, "services": [_SERVICE]},
            phase=self.phase,
            regions=self.regions,
            machines=self.machines,
            secrets=tuple(sorted(names)),
            gates=Gates(wait="12s", uptime=UPTIME, drain=self.drain, restart=self.restart),
            rollout=Course(
                strategy=self.strategy,
                by=self.by,
                steps=self.steps,
                soak=self.soak,
                standby=self.standby,
            ),
        )

    def __str__(self) -> str:
        words = [f"code {self.code}", f"greeting {self.greeting}", f"key {self.key}"]
        words += [f"other {self.other}"] if self.other else []
        words += [f"fault {self.fault}"] if self.fault else []
        words += [f"{self.machines} in {'+'.join(self.regions)}", f"phase {self.phase}"]
        way = f"{self.strategy}{' by clients' if self.by == 'clients' else ''}"
        steps = "/".join(map(str, self.steps))
        return ", ".join([*words, f"{way} {steps} soak {self.soak} standby {self.standby}"])
