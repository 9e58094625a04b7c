"""Policies from a file, and other ones without a restart."""

import signal
from pathlib import Path

import pytest

from service.policies import load_policies
from service.settings import SettingError, Settings

from .conftest import StartService

POLICY = '[[policy]]\nname = "default"\nquota = "{}/h"\n'


@pytest.mark.integration
async def test_reload_at_sighup(tmp_path: Path, start_service: StartService) -> None:
    """SIGHUP applies the changed file; a mistake in it changes nothing and is logged."""
    file = tmp_path / "limits.toml"
    file.write_text(POLICY.format(3))
    service = await start_service(RATE_LIMIT_POLICIES=str(file))
    before = [(await service.client.get("/")).status_code for _ in range(4)]

    file.write_text(POLICY.format(5))
    service.process.send_signal(signal.SIGHUP)
    await service.wait_for_event("policies reloaded")
    after = [(await service.client.get("/")).status_code for _ in range(3)]

    file.write_text(POLICY.format("many"))
    service.process.send_signal(signal.SIGHUP)
    event = await service.wait_for_event("policies not reloaded")
    health = (await service.client.get("/health")).json()["limiter"]

    assert before == [200, 200, 200, 429]
    assert after == [200, 200, 429]
    assert "found 'many/h'" in event["error"]
    assert health["version"] == 2
    assert health["policies"][0]["quota"] == "5/h burst 5"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there stops the start and names the variable."""
    path = tmp_path / "none.toml"
    settings = Settings.from_environment({"RATE_LIMIT_POLICIES": str(path)})

    with pytest.raises(SettingError, match="RATE_LIMIT_POLICIES"):
        load_policies(settings.limiter)


def test_trusted_proxies_are_checked() -> None:
    """A network that is none stops the start."""
    with pytest.raises(SettingError, match="TRUSTED_PROXIES"):
        Settings.from_environment({"TRUSTED_PROXIES": "10.0.0.0/8, everywhere"})
