"""The policies that the settings ask for, and their reload at SIGHUP."""

from typing import Any, Final

from flygate_limiter import (
    KeyFunction,
    Limiter,
    LimiterError,
    Mode,
    Policy,
    PolicyError,
    PolicySet,
    Quota,
    UserKeyFunction,
    read_policies,
    window,
)
from flygate_limiter.errors import one_line, shown

from flygate_service.settings import LimiterSettings, SettingError

from .application import find

# Far more than a page asks for; a flood of them is still refused.
_PREFLIGHTS: Final = 10


def load_policies(settings: LimiterSettings) -> PolicySet:
    """Return the policies of the file, or the default one.

    Raises:
        SettingError: the file cannot be read, or has a mistake.
    """
    if settings.policies is None:
        default = Policy("default", settings.quota, mode=settings.mode, failure=settings.failure)
        return PolicySet((default,))
    try:
        policies = read_policies(settings.policies.read_text(), find=find_key)
        _check_quotas(policies, settings.is_sliding_window)
        return policies
    except (OSError, UnicodeDecodeError, LimiterError) as exc:
        found = str(settings.policies)
        raise SettingError("RATE_LIMIT_POLICIES", found, f"a file of policies; {exc}") from exc


def preflight_policy(settings: LimiterSettings) -> Policy | None:
    """Return what CORS preflights are charged to: ten times the default quota of requests.

    None if they are requests like others, or if nothing is limited.
    """
    mode = settings.mode if settings.policies is None else Mode.ENFORCE
    if settings.charges_preflights or mode is Mode.OFF:
        return None
    quota = settings.quota
    units, burst = _PREFLIGHTS * quota.units, _PREFLIGHTS * quota.burst
    if settings.is_sliding_window:
        units, burst = min(units, window.largest(quota.period_ns)), 0
    return Policy("preflight", Quota(units, quota.period_ns, burst), mode=mode)


def reload_policies(limiter: Limiter, settings: LimiterSettings, log: Any) -> None:
    """Read the file again; a mistake leaves everything as it was."""
    try:
        limiter.replace(load_policies(settings))
    except SettingError as exc:
        log.error("policies not reloaded", error=str(exc))
    else:
        names = [policy.name for policy in limiter.policies.policies]
        log.info("policies reloaded", version=limiter.version, policies=names)


def find_key(name: str) -> KeyFunction:
    """Return the key function of an application, by `package.module:name`.

    Raises:
        PolicyError: there is no such function, or its module can't be imported.
    """
    try:
        found = find("a key function", name)
    except SettingError as exc:
        raise PolicyError(str(exc)) from exc
    except Exception as exc:  # whatever an application's module does while it is imported
        failed = f"a key function's module fails; found {shown(name)}: {one_line(exc)}"
        raise PolicyError(failed) from exc
    return UserKeyFunction(found, name)


def _check_quotas(policies: PolicySet, is_sliding_window: bool) -> None:
    for policy in policies.policies:
        for quota in (policy.quota, *policy.overrides.values()):
            if is_sliding_window:
                window.check(quota)
            most = quota.units if is_sliding_window else quota.burst
            if policy.cost > most:
                raise PolicyError(
                    f"policy {policy.name!r}: no request can ever pass; cost is"
                    f" {shown(policy.cost)}, and '{quota}' gives at most {most} at once"
                )
