"""Signatures of the engine and of machines."""

from flygate_wire.own_paths import PROBE, STATISTICS
from flygate_wire.signature import DIGEST_HEADER, HEADER, Signatures, new_key

KEY = new_key()
AT = 1_800_000_000.5


def verified(value: str, path: str, at: float = AT, key: str = KEY) -> str | None:
    """The nonce, if the signature is right for a GET of this path at this time."""
    return Signatures(key, lambda: at).verify(value, "GET", path)


def test_a_signature_is_good_for_one_path_and_a_minute() -> None:
    """With the key that both sides have."""
    signed = Signatures(KEY, lambda: AT).sign("GET", STATISTICS)

    assert verified(signed, STATISTICS, AT + 59)
    assert verified(signed, STATISTICS, AT + 62) is None
    assert verified(signed, PROBE) is None
    assert verified(signed, STATISTICS, key=new_key()) is None


def test_a_body_is_authenticated_by_its_digest_before_it_is_read() -> None:
    """The fields of a signed request have what that needs; another digest is refused."""
    fields = Signatures(KEY).fields("POST", "/", b"an order")
    value, digest = fields[HEADER], fields[DIGEST_HEADER]

    assert Signatures(KEY).verify_digest(value, "POST", "/", digest)
    assert Signatures(KEY).verify_digest(value, "POST", "/", "0" * 64) is None
    assert DIGEST_HEADER not in Signatures(KEY).fields("GET", "/")


def test_each_signature_has_another_nonce() -> None:
    """Two probes do not share a bucket."""
    one, other = (Signatures(KEY, lambda: AT).sign("GET", PROBE) for _ in range(2))

    assert verified(one, PROBE) != verified(other, PROBE)


def test_the_form_is_that_of_former_releases() -> None:
    """Two versions meet during a rollout: the names and the signed text do not change."""
    value = "t=1800000000,n=" + "0" * 32 + ",s="
    signature = "fa51094656e09ac5f7b240fa632bf972178ae563bda0628ce9fd99237d66bb31"

    assert (HEADER, DIGEST_HEADER) == ("Flygate-Signature", "Flygate-Digest")
    assert Signatures("a key", lambda: AT).verify(value + signature, "GET", PROBE) == "0" * 32
