"""Where Fly is, from flyctl's own variables."""

from __future__ import annotations

import pytest
from flygate.fly.endpoints import API_URL, FLAPS_URL, Endpoints, is_loopback
from flygate.system.errors import ConfigError


def test_without_variables_it_is_the_real_fly() -> None:
    """Only a token is needed."""
    found = Endpoints.from_env({"FLY_API_TOKEN": "canary-token"})

    assert (found.api_url, found.flaps_url, found.token) == (API_URL, FLAPS_URL, "canary-token")
    assert not found.is_local


def test_the_access_token_wins_as_it_does_for_flyctl() -> None:
    """Both names are flyctl's."""
    env = {"FLY_API_TOKEN": "second", "FLY_ACCESS_TOKEN": "first"}

    assert Endpoints.from_env(env).token == "first"


def test_addresses_of_the_local_fly_are_taken_without_a_last_slash() -> None:
    """Paths are put behind them."""
    env = {
        "FLY_API_TOKEN": "t",
        "FLY_API_BASE_URL": "http://127.0.0.1:4280/",
        "FLY_FLAPS_BASE_URL": "http://127.0.0.1:4280/",
    }
    found = Endpoints.from_env(env)

    assert found.api_url == found.flaps_url == "http://127.0.0.1:4280"
    assert found.is_local


def test_the_releases_api_is_never_the_real_one_by_omission() -> None:
    """flyctl has a variable of its own for it; to forget that must not reach production."""
    local = {"FLY_API_TOKEN": "t", "FLY_API_BASE_URL": "http://127.0.0.1:4280/"}
    other = {**local, "FLY_UIEX_BASE_URL": "http://127.0.0.1:4281/"}

    assert Endpoints.from_env(local).uiex_url == "http://127.0.0.1:4280"
    assert Endpoints.from_env(other).uiex_url == "http://127.0.0.1:4281"


@pytest.mark.parametrize("env", [{}, {"FLY_API_TOKEN": ""}])
def test_no_token_says_where_one_comes_from(env: dict[str, str]) -> None:
    """For the local Fly and for Fly.io."""
    with pytest.raises(ConfigError, match=r"FLY_API_TOKEN is not set.*make up.*fly tokens create"):
        Endpoints.from_env(env)


def test_the_token_is_not_in_a_repr() -> None:
    """A traceback or a debugger shows `repr`."""
    assert "canary-token" not in repr(Endpoints(token="canary-token"))


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4280", True),
        ("http://127.9.8.7", True),
        ("http://localhost:4280", True),
        ("http://[::1]:4280", True),
        ("http://x.localhost", True),
        ("https://api.machines.dev", False),
        ("http://127.0.0.1.example.com", False),
        ("http://_api.internal:4280", False),
        ("", False),
    ],
)
def test_loopback_differs_from_names_that_only_look_like_it(url: str, local: bool) -> None:
    """The local Fly has a registry, and plain HTTP is no risk; neither is true elsewhere."""
    assert is_loopback(url) is local
