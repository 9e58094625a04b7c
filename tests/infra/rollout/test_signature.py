"""The engine's signature is the one that the service believes: infra may not import it."""

from __future__ import annotations

from flygate.rollout import signature
from flygate.rollout.clients import collector
from flygate.rollout.gates import probe
from flygate.rollout.judge import samples
from flygate_service.asgi.paths import PROBE, STATISTICS
from flygate_service.asgi.signature import DIGEST, HEADER, Signatures
from flygate_service.metrics import statistics
from flygate_service.settings import Settings

KEY = signature.new_key()
AT = 1_800_000_000.5


def scope(path: str, value: str) -> dict[str, object]:
    """A signed request as the service gets it."""
    headers = [(signature.HEADER.lower().encode(), value.encode())]
    return {"type": "http", "method": "GET", "path": path, "headers": headers}


def test_the_service_believes_what_the_engine_signs() -> None:
    """With the key that both have, for the path that was signed, for a minute."""
    signed = signature.sign(KEY, "GET", STATISTICS, AT)

    assert Signatures(KEY, lambda: AT + 59).nonce(scope(STATISTICS, signed))
    assert Signatures(KEY, lambda: AT + 62).nonce(scope(STATISTICS, signed)) is None
    assert Signatures(KEY, lambda: AT).nonce(scope(PROBE, signed)) is None
    assert Signatures(signature.new_key(), lambda: AT).nonce(scope(STATISTICS, signed)) is None


def test_a_body_is_believed_by_its_digest_before_it_is_read() -> None:
    """The engine sends what the service needs for that; another digest is not believed."""
    fields = signature.signed(KEY, "POST", "/", b"an order")
    value, digest = fields[signature.HEADER], fields[signature.DIGEST]

    assert Signatures(KEY).verify_head(value, "POST", "/", digest)
    assert Signatures(KEY).verify_head(value, "POST", "/", "0" * 64) is None
    assert signature.DIGEST not in signature.signed(KEY, "GET", "/")


def test_each_signature_is_another_client() -> None:
    """Two probes do not share a bucket."""
    one, other = (signature.sign(KEY, "GET", PROBE, AT) for _ in range(2))

    verify = Signatures(KEY, lambda: AT)
    assert verify.nonce(scope(PROBE, one)) != verify.nonce(scope(PROBE, other))


def test_the_two_agree_on_names() -> None:
    """The header, the paths, the variable, the form of the statistics."""
    assert signature.HEADER.lower().encode() == HEADER
    assert signature.DIGEST.lower().encode() == DIGEST
    assert collector.PATH == STATISTICS
    assert probe.PROBE == PROBE
    assert Settings.from_environment({signature.KEY: KEY}).key == KEY
    told = statistics.Statistics(1024).snapshot()
    assert isinstance(samples.read(0.0, told), samples.Snapshot)
