"""What runs inside a machine in memory: good, or bad in the way that its environment says."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from flygate.rollout.clients import errand
from flygate.rollout.gates import probe
from flygate_wire.own_paths import SHARE_ORDER, STATISTICS

FAULT = "FAULT"
_PROBE = Path(probe.__file__).read_text(encoding="utf-8")
_ERRAND = Path(errand.__file__).read_text(encoding="utf-8")

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Nature:
    """How a service behaves: `FAULT` is one of the kinds, with a number after a colon.

    crash: it ends at once. dies:4: it ends 4 s after each start. slow:3: it listens 3 s late.
    sick: its check fails. unwell: /health answers 500. unlimited: it never refuses. erring: a tenth
    of its answers are errors. slowly: its answers take long. idle: it gets no requests. mute: it is
    older than statistics, and than orders. once: it ends at once whenever its machine starts again.
    """

    kind: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Nature:
        """Read a machine's environment."""
        kind, _, number = env.get(FAULT, "").partition(":")
        return cls(kind, float(number or 0))

    def lifetime(self, starts: int) -> float | None:
        """Seconds from its start to its end, None if it lives.

        Args:
            starts: of its machine so far.
        """
        if self.kind == "once":
            return 0.0 if starts > 1 else None
        return {"crash": 0.0, "dies": self.seconds}.get(self.kind)

    @property
    def is_good(self) -> bool:
        """A release of it should stand."""
        return not self.kind


@dataclass(slots=True)
class Guest:
    """One process.

    Attributes:
        env: as it was when the process began.
        began: seconds.
        boot: names the process.
    """

    env: Mapping[str, str]
    began: float
    boot: str
    order: dict[str, Any] = field(default_factory=lambda: {"version": 0, "new": [], "former": []})
    nature: Nature = field(init=False)

    def __post_init__(self) -> None:
        self.nature = Nature.of(self.env)

    def listens(self, now: float) -> bool:
        """It takes connections."""
        return self.nature.kind != "slow" or now >= self.began + self.nature.seconds

    def is_ready(self, now: float) -> bool:
        """Its health check passes."""
        return self.listens(now) and self.nature.kind != "sick"

    def ask(self, method: str, path: str, body: str, now: float) -> Answer:
        """One request: a status, and what the body says."""
        if path == SHARE_ORDER:
            return self._obey(method, body)
        if path == STATISTICS:
            return (404, {}) if self.nature.kind == "mute" else (200, self._statistics(now))
        if path == "/health":
            return (500 if self.nature.kind == "unwell" else 200), dict(self.env)
        return 200, dict(self.env)

    def execute(self, command: list[str], now: float) -> dict[str, Any]:
        """A command inside the machine: exit code and output."""
        script = command[2] if command[:2] == ["python", "-c"] else ""
        if script in {_PROBE, _ERRAND}:
            if not self.listens(now):
                return _result(1, stderr=f"ConnectionRefusedError, with {self.env}")
            asked = json.loads(command[3])
            answer = self._probe(asked, now) if script == _PROBE else self._errand(asked, now)
            return _result(0, json.dumps(answer))
        return _result(0, self._run(script))

    def _run(self, script: str) -> str:
        """A script of a line or two that looks at its environment."""
        said = io.StringIO()
        with mock.patch.dict(os.environ, self.env, clear=True), contextlib.redirect_stdout(said):
            exec(script, {})  # noqa: S102  the engine's own, and the contract's
        return said.getvalue()

    def _probe(self, asked: Mapping[str, Any], now: float) -> dict[str, Any]:
        status, body = self.ask("GET", probe.HEALTH, "", now)
        is_limited = self.nature.kind != "unlimited"
        burst = {"admitted": asked["burst"], "last": 429 if is_limited else 204, "retry_after": "1"}
        found = {"health": status, "body": json.dumps(body)}
        return {**found, **burst, "declared": []} if asked["limiter"] else found

    def _errand(self, asked: Mapping[str, Any], now: float) -> dict[str, Any]:
        status, body = self.ask(asked["method"], asked["path"], asked["body"], now)
        return {"status": status, "body": json.dumps(body)}

    def _obey(self, method: str, body: str) -> Answer:
        if self.nature.kind == "mute":
            return 404, {}
        if method == "POST":
            answer = json.loads(body.partition(" ")[2])
            if answer["version"] < self.order["version"]:
                return 409, {}
            self.order = answer
        members = [*self.order["new"], *self.order["former"]]
        return 200, {"version": self.order["version"], "members": members}

    def _statistics(self, now: float) -> dict[str, Any]:
        """As if hundreds called each second."""
        kind = self.nature.kind
        served = 0 if kind == "idle" else int(400 * (now - self.began))
        errors = served // 10 if kind == "erring" else 0
        bucket = 250 if kind == "slowly" else 150
        counts = [[bucket, served - errors]]
        return {
            "schema": 1,
            "boot": self.boot,
            "limits": "",
            "served": served,
            "errors": errors,
            "refused": 0,
            "latency": {"first_ns": 16384, "per_octave": 16, "counts": counts},
            "memory": {"rss_bytes": 50_000_000, "limiter_bytes": 0, "limit_bytes": 256_000_000},
        }


def _result(code: int, stdout: str = "", stderr: str = "") -> dict[str, Any]:
    return {"exit_code": code, "stdout": stdout, "stderr": stderr}
