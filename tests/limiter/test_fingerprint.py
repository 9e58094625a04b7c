"""Names of buckets as numbers."""

from flygate_limiter import keyed_fingerprint


def test_fingerprints_tell_buckets_apart() -> None:
    """The same everywhere for a secret; others for another one."""
    one, same, other = map(keyed_fingerprint, (b"a", b"a", b"b"))
    names = [("policy", f"192.0.2.{n}") for n in range(200)]

    assert [one(name) for name in names] == [same(name) for name in names]
    assert len({one(name) for name in names} | {other(name) for name in names}) == 400
    assert one(("ab", "c")) != one(("a", "bc"))


def test_a_secret_may_be_of_any_length() -> None:
    """Also longer than what a hash takes as its key."""
    assert keyed_fingerprint(b"x" * 500)(("a", "b")) != keyed_fingerprint(b"x" * 501)(("a", "b"))


def test_what_is_no_text_has_a_name_too() -> None:
    """A client may send anything in a header that a policy is keyed by."""
    fingerprint = keyed_fingerprint(b"secret")

    assert fingerprint(("policy", "\udcff")) != fingerprint(("policy", "\udcfe"))
