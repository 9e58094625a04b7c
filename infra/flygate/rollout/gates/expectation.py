"""What a new machine must answer in the smoke check. Pure; `probe.py` sends the requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flygate_wire.own_paths import HEALTH, PROBE
from flygate_wire.signature import Signatures
from flygate_wire.variables import (
    DEFAULT_BURST,
    DEFAULT_PORT,
    DEFAULT_REQUESTS_PER_MINUTE,
    REDIS,
    TOKEN_BUCKET,
    Variable,
)

from flygate.config import SmokeRequest
from flygate.fly.models import ExecResult
from flygate.manifest import Manifest
from flygate.redaction.redact import shown

REQUEST_SECONDS: Final = 5
COMMAND_SECONDS: Final = 30
LINE_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the manifest promises.

    Attributes:
        port: where the service listens.
        limiter: the limiter must be proved.
        burst, per_second: the quota of one client, if the service declares none itself.
        is_exact: the manifest says that quota; else the service declares policies itself.
        has_store: the limits are kept in a Redis.
        requests: what else must be answered rightly.
    """

    port: int
    limiter: bool
    burst: int
    per_second: float
    is_exact: bool = True
    has_store: bool = False
    requests: tuple[SmokeRequest, ...] = ()

    @classmethod
    def of(
        cls, manifest: Manifest, *, limiter: bool, requests: tuple[SmokeRequest, ...] = ()
    ) -> Expectation:
        """Read from a manifest's environment and services."""
        return cls(
            port=manifest.web_port or DEFAULT_PORT,
            limiter=limiter,
            burst=_whole(manifest.env, Variable.RATE_LIMIT_BURST, DEFAULT_BURST),
            per_second=_whole(manifest.env, Variable.RATE_LIMIT_RPM, DEFAULT_REQUESTS_PER_MINUTE)
            / 60,
            is_exact=not _has_own_quotas(manifest),
            has_store=manifest.env.get(Variable.RATE_LIMIT_STORAGE) == REDIS,
            requests=requests,
        )

    def command(self, key: str) -> list[str]:
        """Return the command to run inside the machine.

        Args:
            key: signs the probe, which is then a client of its own, and the question after the
                service's health, which shows no details to others. A signature is good for a minute
                and for one path; the key itself stays here.
        """
        script = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
        signatures = Signatures(key)
        arguments = {
            "port": self.port,
            "limiter": self.limiter,
            "burst": self.burst,
            "per_second": self.per_second,
            "timeout": REQUEST_SECONDS,
            "identity": signatures.fields("GET", PROBE) if key else {},
            "insider": signatures.fields("GET", HEALTH) if key else {},
            "store": self.has_store,
            "requests": [request.model_dump() for request in self.requests],
        }
        return ["python", "-c", script, json.dumps(arguments)]

    def problem(self, result: ExecResult, redact: Callable[[str], str] = str) -> str:
        """Return what is wrong with the answers, or an empty string.

        Args:
            redact: takes secrets out of a text, before a part of it is taken.
        """
        if result.exit_code != 0:
            output = redact(result.stderr or result.stdout)
            last = output.strip().splitlines()[-1:] or ["no output"]
            return f"the smoke check could not ask the service: {shown(last[0], LINE_MAX)}"
        try:
            seen: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return "the smoke check's answer can't be read"
        if seen["health"] != 200:
            return f"GET /health answered {seen['health']}: {shown(redact(seen['body']), LINE_MAX)}"
        if (store := seen.get("store", {})).get("degraded"):
            why = shown(redact(str(store.get("problem") or "it does not answer")), LINE_MAX)
            return f"its limits are kept in a Redis, which can't be used: {why}"
        problem = self._limiter_problem(seen) if self.limiter else ""
        return problem or self._request_problem(seen.get("answers", []), redact)

    def _request_problem(
        self, answers: Sequence[Mapping[str, Any]], redact: Callable[[str], str]
    ) -> str:
        for request, answer in zip(self.requests, answers, strict=False):
            if answer["fault"]:
                text = shown(" ".join(redact(answer["body"]).split()), LINE_MAX) or "nothing"
                return (
                    f"smoke.requests: {request.method} {request.path} {answer['fault']}; the "
                    f"answer: {text}"
                )
        if len(answers) < len(self.requests):
            return "the smoke check's answer can't be read"
        return ""

    def _limiter_problem(self, seen: Mapping[str, Any]) -> str:
        admitted, last = int(seen["admitted"]), int(seen["last"])
        burst, per_second = seen.get("declared") or (self.burst, self.per_second)
        if burst == self.burst:
            per_second = self.per_second  # a declared window is in whole seconds
        quota = f"burst {burst:g}, {per_second * 60:g} a minute"
        if self.is_exact and burst != self.burst:
            return (
                f"the service declares a quota of {burst:g}, where RATE_LIMIT_BURST asks for "
                f"{self.burst}"
            )
        if last not in {204, 429}:
            return f"GET /_flygate/probe answered {last}; 204 or 429 was expected"
        if last != 429:
            return (
                f"the limiter does not limit: {admitted} requests of one client were all served "
                f"({quota}). Is RATE_LIMIT_MODE off or shadow, or the middleware missing? "
                "If that is meant: pulumi config set --path smoke.limiter false"
            )
        if admitted < burst:
            return f"the limiter refused after {admitted} requests, before the burst ({quota})"
        if not seen["retry_after"]:
            return "the limiter's 429 carries no Retry-After"
        return ""

    def summary(self) -> str:
        """Return what was proved, for people."""
        own = f", {len(self.requests)} of its own answered" if self.requests else ""
        if not self.limiter:
            return f"health answered{own}"
        burst = f"burst of {self.burst}" if self.is_exact else "declared quota"
        return f"{burst} served, the next refused{own}"


def _has_own_quotas(manifest: Manifest) -> bool:
    """The quota is more than RATE_LIMIT_RPM and RATE_LIMIT_BURST say: what the service declares."""
    algorithm = manifest.env.get(Variable.RATE_LIMIT_ALGORITHM, TOKEN_BUCKET)
    names = {*manifest.env, *manifest.secrets}
    return Variable.RATE_LIMIT_POLICIES in names or algorithm != TOKEN_BUCKET


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, "").strip()
    # The service refuses to start with anything else, and says so better than we could here.
    return int(value) if value.isdigit() else default
