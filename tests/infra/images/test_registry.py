"""Which registry, and what it gets as a password."""

from __future__ import annotations

import pytest
from flygate.fly.endpoints import Endpoints
from flygate.images.registry import Registry, bare
from flygate.system.errors import ConfigError, ImageError

TOKEN = "fm2_canary-77ab"
LOCAL = Endpoints("http://127.0.0.1:4280", "http://127.0.0.1:4280", TOKEN)


@pytest.mark.parametrize(
    ("token", "password"),
    [
        ("plain", "plain"),
        ("FlyV1 fm2_a,fm2_b", "fm2_a,fm2_b"),
        ("Bearer FlyV1 fm2_a", "fm2_a"),
        ("fm2_a, user-token ,fm1r_b", "fm2_a,fm1r_b"),
        (" first,second ", "first,second"),
    ],
)
def test_a_registry_gets_the_bare_token(token: str, password: str) -> None:
    """As flyctl gives it: no scheme, and macaroons alone where there are some."""
    assert bare(token) == password


def test_the_registry_is_flys_unless_named() -> None:
    """By the variable that flyctl reads."""
    assert Registry.of(Endpoints(token=TOKEN), {}).host == "registry.fly.io"
    named = {"FLY_REGISTRY_HOST": "127.0.0.1:5000"}
    assert Registry.of(LOCAL, named).host == "127.0.0.1:5000"


def test_the_local_fly_has_none() -> None:
    """A token for it must not go to Fly's."""
    with pytest.raises(ConfigError, match="FLY_REGISTRY_HOST"):
        Registry.of(LOCAL, {})


def test_a_password_is_not_shown() -> None:
    """Neither by repr, nor when the registry can't be reached."""
    registry = Registry("127.0.0.1:1", TOKEN)

    with pytest.raises(ImageError, match="does not say what shop:1f is") as caught:
        registry.digest("shop", "1f")

    assert TOKEN not in repr(registry) + str(caught.value)
    assert caught.value.__cause__ is None
