"""The environment, read and checked."""

import pytest
import structlog
from flygate_limiter import Mode, parse
from flygate_service.app import build_app
from flygate_service.settings import SettingError, Settings


def test_defaults() -> None:
    """Nothing set gives a service that limits."""
    settings = Settings.from_environment({})

    assert (settings.host, settings.port, settings.metrics_port) == (None, 8080, 9091)
    assert settings.limiter.quota == parse("100/m burst 20")
    assert settings.limiter.mode is Mode.ENFORCE
    assert not settings.on_fly


def test_reads() -> None:
    """What is set is used; an empty variable counts as not set."""
    settings = Settings.from_environment(
        {
            "RATE_LIMIT_RPM": "600",
            "RATE_LIMIT_BURST": "",
            "RATE_LIMIT_MODE": "shadow",
            "FLY_APP_NAME": "demo",
            "PORT": "9000",
        }
    )

    assert settings.limiter.quota == parse("600/m burst 20")
    assert settings.limiter.mode is Mode.SHADOW
    assert settings.on_fly
    assert settings.port == 9000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATE_LIMIT_RPM", "0"),
        ("RATE_LIMIT_RPM", "sixty"),
        ("RATE_LIMIT_RPM", "٦٠"),
        ("RATE_LIMIT_RPM", "9" * 5000),
        ("RATE_LIMIT_BURST", "-1"),
        ("RATE_LIMIT_MODE", "on"),
        ("RATE_LIMIT_STORAGE", "disk"),
        ("RATE_LIMIT_ALGORITHM", "magic"),
        ("PORT", "65536"),
        ("SERVICE_MAX_REQUESTS_PER_CLIENT", "501"),
        ("SERVICE_MAX_BODY_BYTES", "1e999"),
        ("SERVICE_BODY_SECONDS", "0"),
        ("SERVICE_BODY_BYTES_PER_SECOND", "0"),
        ("SERVICE_MAX_MESSAGE_BYTES", "0"),
        ("SERVICE_PROXY_PEERS", "10.0.0.0/8"),
    ],
)
def test_refuses(variable: str, value: str) -> None:
    """A value that is not allowed is refused with the variable, the value and what is allowed."""
    with pytest.raises(SettingError) as refused:
        Settings.from_environment({variable: value})

    assert str(refused.value).startswith(f"{variable}: found {value!r}; allowed: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOGIN_USERS", "[" * 3000),
        ("LOGIN_USERS", '{"ada": ' + "9" * 5000 + "}"),
        ("LOGIN_USERS", '{"ada": 1e999}'),
        ("RATE_LIMIT_RPM", "1e999"),
        ("SHUTDOWN_SECONDS", "1e999"),
        ("FLYGATE_DNS", "127.0.0.1:" + "9" * 5000),
        ("TRUSTED_PROXIES", "10.0.0.0/" + "9" * 5000),
    ],
)
def test_no_number_and_no_depth_is_too_much_to_be_refused(variable: str, value: str) -> None:
    """However large or deep a value is, it ends the start with its variable's name on one line."""
    cluster = {"FLY_APP_NAME": "demo", "FLY_MACHINE_ID": "one", "FLYGATE_KEY": "k" * 32}
    with pytest.raises(SettingError) as refused:
        build_app(Settings.from_environment({**cluster, variable: value}), structlog.get_logger())

    assert str(refused.value).startswith(f"{variable}: found ")
    assert "\n" not in str(refused.value)


def test_a_window_that_cannot_count_so_far() -> None:
    """It stops the start, and does not refuse from the thousandth request on."""
    found = {"RATE_LIMIT_ALGORITHM": "sliding_window", "RATE_LIMIT_RPM": "60000000"}

    with pytest.raises(SettingError, match=r"RATE_LIMIT_RPM: .* counts to 244947"):
        Settings.from_environment(found)


def test_sliding_window() -> None:
    """The second algorithm counts RATE_LIMIT_RPM a minute, whatever the burst."""
    settings = Settings.from_environment({"RATE_LIMIT_ALGORITHM": "sliding_window"})

    assert settings.limiter.quota == parse("100/m burst 100")


def test_refuses_a_bucket_that_never_fills() -> None:
    """Two allowed values that make no sense together are refused."""
    with pytest.raises(SettingError, match="RATE_LIMIT_BURST"):
        Settings.from_environment({"RATE_LIMIT_RPM": "1", "RATE_LIMIT_BURST": "1000000"})
