"""Settings of the limiter: the default policy, and where buckets are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flygate_limiter import AddressError, Failure, Mode, Quota, QuotaError, window
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.address import RedisAddress
from flygate_wire.variables import REDIS, SLIDING_WINDOW, Variable

from .environment import Environment, SettingError

_MINUTE: Final = 60 * NANOS


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """The default policy, and where buckets are kept.

    Attributes:
        policies: a TOML file of policies, used instead of the default one.
        key_secret: what the names of buckets are hashed with before they leave the process.
        budget_seconds: the longest that a decision by Redis may take.
        machines: how many machines share a quota while Redis cannot be asked.
        charges_preflights: whether a browser's CORS preflights are requests like others.
    """

    algorithm: str
    quota: Quota
    storage: str
    mode: Mode
    max_keys: int
    policies: Path | None
    failure: Failure
    redis_url: str | None = field(repr=False)
    key_secret: str = field(repr=False)
    budget_seconds: float
    machines: int
    charges_preflights: bool

    @property
    def is_sliding_window(self) -> bool:
        """Whether windows are counted, and not buckets."""
        return self.algorithm == SLIDING_WINDOW


def read_limiter(env: Environment) -> LimiterSettings:
    """Read and check them.

    Raises:
        SettingError: a value is not allowed.
    """
    rpm = env.whole(Variable.RATE_LIMIT_RPM)
    burst = env.whole(Variable.RATE_LIMIT_BURST)
    algorithm = env.choice(Variable.RATE_LIMIT_ALGORITHM)
    try:
        quota = Quota(rpm, _MINUTE, rpm if algorithm == SLIDING_WINDOW else burst)
    except QuotaError as exc:
        allowed = f"a burst that {rpm} requests a minute refill within a year"
        raise SettingError(Variable.RATE_LIMIT_BURST, str(burst), allowed) from exc
    if algorithm == SLIDING_WINDOW:
        _check_window(quota)
    storage = env.choice(Variable.RATE_LIMIT_STORAGE)
    redis_url = _redis_url(env, storage)
    policies = env.text(Variable.RATE_LIMIT_POLICIES)
    return LimiterSettings(
        algorithm=algorithm,
        quota=quota,
        storage=storage,
        mode=Mode(env.choice(Variable.RATE_LIMIT_MODE)),
        max_keys=env.whole(Variable.RATE_LIMIT_MAX_KEYS),
        policies=Path(policies) if policies else None,
        failure=Failure(env.choice(Variable.RATE_LIMIT_FAILURE)),
        redis_url=redis_url,
        # All machines have the same, before and after a change of the storage, too. A URL is a
        # secret by its password.
        key_secret=env.text(Variable.RATE_LIMIT_KEY_SECRET)
        or env.text(Variable.FLYGATE_KEY)
        or redis_url
        or "",
        budget_seconds=env.whole(Variable.RATE_LIMIT_BUDGET_MILLISECONDS) / 1000,
        machines=env.whole(Variable.RATE_LIMIT_MACHINES),
        charges_preflights=env.choice(Variable.RATE_LIMIT_PREFLIGHTS) == "charged",
    )


def _check_window(quota: Quota) -> None:
    try:
        window.check(quota)
    except QuotaError as exc:
        raise SettingError(Variable.RATE_LIMIT_RPM, str(quota.units), f"fewer; {exc}") from exc


def _redis_url(env: Environment, storage: str) -> str | None:
    url = env.text(Variable.REDIS_URL)
    if storage != REDIS:
        return url
    if url is None:
        allowed = "a redis:// or rediss:// URL, since RATE_LIMIT_STORAGE is redis"
        raise SettingError(Variable.REDIS_URL, "nothing", allowed)
    try:
        RedisAddress.parse(url).context()
    except AddressError as exc:
        # The value may hold a password: it must not be shown.
        raise SettingError(Variable.REDIS_URL, "(hidden)", str(exc)) from exc
    return url
