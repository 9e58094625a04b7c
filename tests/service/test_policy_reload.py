"""Policies from a file, and other ones without a restart."""

import signal
from pathlib import Path

import pytest
from flygate_limiter import PolicySet, Request
from flygate_service.settings import SettingError, Settings
from flygate_service.wiring.policy_loader import load_policies

from .conftest import StartService

TOKEN = "an operator's token, long enough"
POLICY = '[[policy]]\nname = "default"\nquota = "{}/h"\n'


@pytest.mark.integration
async def test_reload_at_sighup(tmp_path: Path, start_service: StartService) -> None:
    """SIGHUP applies the changed file; a mistake in it changes nothing and is logged."""
    file = tmp_path / "limits.toml"
    file.write_text(POLICY.format(3))
    service = await start_service(RATE_LIMIT_POLICIES=str(file), ADMIN_TOKEN=TOKEN)
    before = [(await service.client.get("/")).status_code for _ in range(4)]

    file.write_text(POLICY.format(5))
    service.process.send_signal(signal.SIGHUP)
    await service.wait_for_event("policies reloaded")
    after = [(await service.client.get("/")).status_code for _ in range(3)]

    file.write_text(POLICY.format("many"))
    service.process.send_signal(signal.SIGHUP)
    event = await service.wait_for_event("policies not reloaded")
    health = (
        await service.client.get("/health", headers={"Authorization": f"Bearer {TOKEN}"})
    ).json()["limiter"]

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


def test_a_cost_that_never_fits_stops_the_start(tmp_path: Path) -> None:
    """A policy that would refuse every request for ever is named, with what it holds."""
    path = tmp_path / "policies.toml"
    path.write_text('[[policy]]\nname = "big"\nquota = "10/m burst 5"\ncost = 6\n')
    settings = Settings.from_environment({"RATE_LIMIT_POLICIES": str(path)})

    with pytest.raises(SettingError, match="'big': no request can ever pass; cost is 6"):
        load_policies(settings.limiter)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An application's module with a key function, on the path."""
    (tmp_path / "shop_broken.py").write_text("raise RuntimeError('no database\\nhere')\n")
    (tmp_path / "shop_misses.py").write_text("import no_such_library\n")
    (tmp_path / "shop_wrong.py").write_text("def (:\n")
    (tmp_path / "shop_limits.py").write_text(
        "def by_user(request):\n    return request.header('x-user') or request.client\nLIMIT = 5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _load(folder: Path, key: str) -> PolicySet:
    path = folder / "policies.toml"
    path.write_text(f'[[policy]]\nname = "default"\nquota = "2/m"\nkey = "{key}"\n')
    settings = Settings.from_environment({"RATE_LIMIT_POLICIES": str(path)})
    return load_policies(settings.limiter)


def test_an_application_names_whose_bucket_it_is(shop: Path) -> None:
    """A function of the application decides who shares a bucket: its users, say."""
    [policy] = _load(shop, "function:shop_limits:by_user").policies
    ann = Request("192.0.2.1", header={"x-user": "ann"}.get)
    assert policy.key(ann) == "ann"
    assert policy.key(Request("192.0.2.1")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("shop_limits:by_magic", "has no 'by_magic'"),
        ("no_such_shop:by_user", "no module 'no_such_shop'"),
        ("shop_limits:LIMIT", "can't be called"),
        ("shop_limits", "package.module:attribute"),
        ("shop_broken:by_user", "RuntimeError: no database here"),
        ("shop_misses:by_user", "No module named 'no_such_library'"),
        ("shop_wrong:by_user", "SyntaxError"),
    ],
)
def test_a_function_that_is_not_there_stops_the_start(
    shop: Path, name: str, complaint: str
) -> None:
    """The setting, the file and the mistake are named."""
    with pytest.raises(SettingError, match=complaint):
        _load(shop, f"function:{name}")
