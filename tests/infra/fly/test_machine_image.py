"""Which image a machine runs."""

from __future__ import annotations

import pytest
from flygate.fly.machine_image import by_digest

from tests.infra.builders import DIGEST


@pytest.mark.parametrize(
    ("named", "digest", "found"),
    [
        ("registry.fly.io/shop:first", DIGEST, f"registry.fly.io/shop@{DIGEST}"),
        ("127.0.0.1:4280/shop:first", DIGEST, f"127.0.0.1:4280/shop@{DIGEST}"),
        ("nginx", DIGEST, f"nginx@{DIGEST}"),
        (f"registry.fly.io/shop@{DIGEST}", "sha256:other", f"registry.fly.io/shop@{DIGEST}"),
        ("registry.fly.io/shop:first", "", "registry.fly.io/shop:first"),
    ],
)
def test_a_tag_becomes_the_digest_that_fly_found(named: str, digest: str, found: str) -> None:
    """Another image may have the tag later; without a digest the tag must do."""
    assert by_digest({"config": {"image": named}, "image_ref": {"digest": digest}}) == found
    assert by_digest({"config": {"image": named}}) == named
