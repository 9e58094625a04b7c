"""The policies that the settings ask for, and their reload at SIGHUP."""

from typing import Any, cast

from .limiter import (
    KeyFunction,
    Limiter,
    LimiterError,
    Policy,
    PolicyError,
    PolicySet,
    read_policies,
    window,
)
from .settings import LimiterSettings, SettingError
from .wrapped import find


def load_policies(settings: LimiterSettings) -> PolicySet:
    """The policies of the file, or the default one.

    Raises:
        SettingError: the file cannot be read, or has a mistake.
    """
    if settings.policies is None:
        default = Policy("default", settings.quota, mode=settings.mode, failure=settings.failure)
        return PolicySet((default,))
    try:
        policies = read_policies(settings.policies.read_text(), find=find_key)
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


def find_key(name: str) -> KeyFunction:
    """The key function of an application, by `package.module:name`.

    Raises:
        PolicyError: there is no such function.
    """
    try:
        found = find("a key function", name)
    except SettingError as error:
        raise PolicyError(str(error)) from error
    if not callable(found):
        raise PolicyError(f"a key function is called with a Request; {name} can't be called")
    return cast(KeyFunction, found)


def _check_windows(policies: PolicySet) -> None:
    for policy in policies.policies:
        for quota in (policy.quota, *policy.overrides.values()):
            window.check(quota)
