"""The policies that the settings ask for, and their reload at SIGHUP."""

from typing import Any, Final

from .limiter import Limiter, LimiterError, Policy, PolicySet, read_policies, window
from .routes.health import HEALTH, READY
from .routes.statistics import STATISTICS
from .settings import LimiterSettings, SettingError

# Fly's checks, its proxy and a rollout's judge ask these all the time, and must never be refused.
EXEMPT_PATHS: Final = frozenset({HEALTH, READY, STATISTICS})


def load_policies(settings: LimiterSettings) -> PolicySet:
    """The policies of the file, or the default one.

    Raises:
        SettingError: the file cannot be read, or has a mistake.
    """
    if settings.policies is None:
        default = Policy("default", settings.quota, mode=settings.mode, failure=settings.failure)
        return PolicySet((default,), EXEMPT_PATHS)
    try:
        policies = read_policies(settings.policies.read_text(), EXEMPT_PATHS)
        if settings.is_sliding_window:
            _check_windows(policies)
        return policies
    except (OSError, UnicodeDecodeError, LimiterError) as error:
        found = str(settings.policies)
        raise SettingError("RATE_LIMIT_POLICIES", found, f"a file of policies; {error}") from error


def reload_policies(limiter: Limiter, settings: LimiterSettings, log: Any) -> None:
    """Read the file again; a mistake leaves everything as it was."""
    try:
        limiter.replace(load_policies(settings))
    except SettingError as error:
        log.error("policies not reloaded", error=str(error))
    else:
        names = [policy.name for policy in limiter.policies.policies]
        log.info("policies reloaded", version=limiter.version, policies=names)


def _check_windows(policies: PolicySet) -> None:
    for policy in policies.policies:
        for quota in (policy.quota, *policy.overrides.values()):
            window.check(quota)
