"""Variables that are nearly settings of the service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flygate.config.settings_names import NAMES, meant

SETTINGS = Path(__file__).resolve().parents[3] / "service" / "flygate_service" / "settings.py"
# What Fly, Flygate and every application know, too: a name like it says nothing.
COMMON = {"HOST", "PORT", "REDIS_URL"}


def test_they_are_the_service_s_own() -> None:
    """Those that it reads, but for what Fly and Flygate set."""
    read = set(re.findall(r'read(?:\.\w+\(|,)\s*"([A-Z_]+)"', SETTINGS.read_text()))

    assert {name for name in read if not name.startswith(("FLY_", "FLYGATE_"))} - COMMON == {*NAMES}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("RATE_LIMT_RPM", "RATE_LIMIT_RPM"),
        ("RATE_LIMIT_RPMS", "RATE_LIMIT_RPM"),
        ("RATE_LIMIT_TOKENS", "RATE_LIMIT_STORAGE"),
        ("SHUTDOWN_SECOND", "SHUTDOWN_SECONDS"),
        ("RATE_LIMIT_RPM", ""),
        ("SERVICE_NAME", ""),
        ("LOGIN_URL", ""),
        ("REDIS_URLS", ""),
        ("", ""),
    ],
)
def test_a_slip_of_the_pen_is_told_from_another_s_variable(name: str, setting: str) -> None:
    """Only what can't be meant otherwise."""
    assert bool(meant(name)) == bool(setting)
    assert not setting or meant(name).startswith("RATE_LIMIT_") == setting.startswith("RATE_LIMIT_")
