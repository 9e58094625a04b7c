"""What a Fly token says of itself: how long, for which apps, and whether it can write."""

from __future__ import annotations

import base64
from typing import Any

import msgpack
import pytest
from flygate.fly.macaroon import Grant, read
from hypothesis import given
from hypothesis import strategies as st

ALL, READ = 0x1F, 1
# As Fly encodes caveats: kind, content, kind, content, …
ORGANIZATION, APPS, VALIDITY, THIRD_PARTY, IF_PRESENT, ACTION = 0, 3, 4, 11, 13, 26


def macaroon(*caveats: Any, location: str = "https://api.fly.io/v1") -> str:
    """A token with caveats, in Fly's form, without a valid signature."""
    nonce = [b"key", b"0123456789abcdef", False]
    content = msgpack.packb([nonce, location, list(caveats), b"x" * 32])
    return "fm2_" + base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("caveats", "grant"),
    [
        ((), Grant()),
        ((ORGANIZATION, [7, ALL]), Grant(organization=7)),
        ((ORGANIZATION, [7, READ]), Grant(organization=7, may_write=False)),
        ((VALIDITY, [100, 900], VALIDITY, [0, 500]), Grant(expires_at=500)),
        ((APPS, [{1: ALL, 2: ALL}], APPS, [{2: ALL, 3: ALL}]), Grant(apps=frozenset({2}))),
        ((IF_PRESENT, [[APPS, [{3: ALL}], ACTION, READ], READ]), Grant(apps=frozenset({3}))),
        ((ACTION, READ), Grant(may_write=False)),
        ((THIRD_PARTY, ["https://api.fly.io/aaa/v1", b"", b""], 99, None), Grant()),
    ],
)
def test_each_caveat_takes_something_away(caveats: tuple[Any, ...], grant: Grant) -> None:
    """Those that we do not know change nothing for us."""
    assert read(macaroon(*caveats)) == grant


def test_of_several_tokens_the_one_that_lasts_longest_counts() -> None:
    """They come with a scheme and commas, beside those that only prove an identity."""
    proof = macaroon(VALIDITY, [0, 9], location="https://api.fly.io/aaa/v1")
    tokens = [proof, macaroon(VALIDITY, [0, 50]), macaroon(VALIDITY, [0, 80])]

    assert read("FlyV1 " + ",".join(tokens)) == Grant(expires_at=80)
    assert read(proof) is None


@given(st.one_of(st.text(), st.binary().map(lambda b: "fm2_" + base64.b64encode(b).decode())))
def test_whatever_is_no_macaroon_says_nothing(token: str) -> None:
    """Other kinds of tokens, and rubbish, are no error."""
    assert read(token) is None


@given(st.recursive(st.integers() | st.binary() | st.none(), st.lists))
def test_caveats_of_any_form_do_no_harm(caveats: object) -> None:
    """Fly may change them."""
    content = msgpack.packb([[], "https://api.fly.io/v1", _small(caveats), b""])
    read("fm2_" + base64.b64encode(content).decode())


def _small(value: Any) -> Any:
    """MessagePack has whole numbers of 64 bits."""
    if isinstance(value, list):
        return [_small(each) for each in value]
    return value % 2**32 if isinstance(value, int) else value
