"""The ledger: what is remembered of releases, and what never gets out."""

from __future__ import annotations

import json

import pytest

from infra.errors import LedgerError
from infra.rollout.ledger import BYTES_MAX, RELEASES_MAX, Ledger
from tests.infra.builders import ledger, manifest, release

CANARY = "canary-value"


def grown(count: int, secret: str = CANARY) -> Ledger:
    """A ledger to which releases were added one after the other, all with one secret set."""
    grown = Ledger()
    for version in range(1, count + 1):
        grown = grown.add(release(version), {"KEY": secret})
    return grown


@pytest.mark.parametrize("nothing", [None, "", "\n"])
def test_no_output_is_an_empty_ledger(nothing: str | None) -> None:
    """So begins every stack."""
    empty = Ledger.parse(nothing)

    assert (empty.current, empty.next_version, empty.current_secrets) == (None, 1, {})
    assert empty.history() == []


def test_what_is_printed_is_read_back() -> None:
    """Standard output of one run is the input of the next."""
    before = grown(3)

    assert Ledger.parse(before.dumps()) == before
    assert "\n" not in before.dumps()
    assert json.loads(before.dumps())["schema"] == 1


@pytest.mark.parametrize(
    "broken",
    [
        f'{{"schema": 1, "secret_sets": {{"s": {{"KEY": ["{CANARY}"]}}}}}}',
        f'{{"schema": 1, "releases": ["{CANARY}"]}}',
        f'{{"schema": 1, "extra": "{CANARY}"}}',
        f"{CANARY}: no JSON",
    ],
)
def test_an_unreadable_ledger_says_where_and_quotes_no_value(broken: str) -> None:
    """Neither the text nor a cause that a traceback would show has a secret in it."""
    with pytest.raises(LedgerError, match=r"can't be read \(at .+\).*pulumi stack import") as error:
        Ledger.parse(broken)

    assert CANARY not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_adding_gives_the_next_version_and_keeps_the_old_ledger() -> None:
    """A rollout that fails after all has the former ledger."""
    before = grown(2)
    after = before.add(release(3), {"KEY": "other"})

    assert (before.next_version, after.next_version) == (3, 4)
    assert after.current == release(3)
    assert after.current_secrets == {"KEY": "other"}


def test_only_the_last_releases_are_kept() -> None:
    """The oldest go first."""
    kept = grown(RELEASES_MAX + 3)

    assert [r.version for r in kept.releases] == list(range(4, RELEASES_MAX + 4))


def test_the_ledger_fits_into_an_environment_variable() -> None:
    """Large configurations leave room for fewer releases, but the newest ones stay."""
    large = manifest(config={"env": {"BLOB": "x" * 20_000}})
    kept = Ledger()
    for version in range(1, 7):
        kept = kept.add(release(version, manifest=large), {})

    assert len(kept.dumps()) <= BYTES_MAX
    assert [r.version for r in kept.releases] == [4, 5, 6]


def test_bytes_are_counted_and_not_characters() -> None:
    """Text beyond ASCII takes more bytes than it has characters."""
    large = manifest(config={"env": {"BLOB": "語" * 10_000}})
    kept = Ledger()
    for version in range(1, 5):
        kept = kept.add(release(version, manifest=large), {})

    assert len(kept.dumps().encode()) <= BYTES_MAX


def test_two_releases_that_do_not_fit_are_an_error() -> None:
    """Without a former release there would be no way back, so it is refused instead."""
    huge = manifest(config={"env": {"BLOB": "x" * 40_000}})
    one = Ledger().add(release(1, manifest=huge), {})

    with pytest.raises(LedgerError, match="Move large secrets or environment values out"):
        one.add(release(2, manifest=huge), {})


def test_equal_values_share_one_secret_set() -> None:
    """The same secrets have the same id, so that an unchanged manifest keeps its own."""
    one = ledger(release(1, secret_set="aa"), aa={"KEY": CANARY})

    assert one.secret_set_for({"KEY": CANARY}) == "aa"
    assert one.secret_set_for({"KEY": "other"}) != "aa"
    assert len(grown(5).secret_sets) == 1


def test_the_id_of_a_new_set_says_nothing_about_the_values() -> None:
    """It is random, or keyed by what nobody else has: a hash of a weak secret could be guessed."""
    assert Ledger().secret_set_for({"KEY": "1"}) != Ledger().secret_set_for({"KEY": "1"})
    one, other = Ledger(key="one"), Ledger(key="other")
    assert one.secret_set_for({"KEY": "1"}) != other.secret_set_for({"KEY": "1"})


def test_a_release_that_was_not_finished_is_known_again() -> None:
    """Its manifest has the same id in the next run, so that its machines can be gone on with."""
    one = Ledger(key="one")

    assert one.secret_set_for({"KEY": "1"}) == one.secret_set_for({"KEY": "1"})
    assert one.secret_set_for({"KEY": "1"}) != one.secret_set_for({"KEY": "2"})


def test_a_secret_set_goes_with_the_last_release_that_used_it() -> None:
    """Old secrets are not kept longer than they can be rolled back to."""
    first = Ledger().add(release(1, secret_set="old"), {"KEY": "old"})
    for version in range(2, RELEASES_MAX + 1):
        first = first.add(release(version, secret_set="new"), {"KEY": "new"})
    assert set(first.secret_sets) == {"old", "new"}

    assert set(first.add(release(11, secret_set="new"), {"KEY": "new"}).secret_sets) == {"new"}


def test_history_is_newest_first_and_shows_no_secret() -> None:
    """It is a stack output that anybody may read."""
    past = ledger(
        release(1, secret_set="aa"),
        release(2, secret_set="aa", rollback_of=1, reason="slow", machines={"iad": ["m1"]}),
        aa={"KEY": CANARY},
    ).history()

    assert [entry["version"] for entry in past] == ["v2", "v1"]
    assert [entry["rollback_of"] for entry in past] == ["v1", ""]
    assert past[0]["machines"] == {"iad": ["m1"]}
    assert CANARY not in json.dumps(past)


def test_no_secret_in_what_is_printed_of_a_ledger_by_accident() -> None:
    """A debugger or a traceback shows `repr`."""
    assert CANARY not in repr(grown(2))


def test_a_pinned_manifest_is_the_newest_release_that_ran_it() -> None:
    """After a rollback the same manifest stands twice; its secrets are the same."""
    past = ledger(release(1, manifest_id="aa"), release(2), release(3, manifest_id="aa"))

    assert past.with_manifest("aa").version == 3
    with pytest.raises(LedgerError, match=r"manifest zz.*it has v1, v2, v3.*flygate forward"):
        past.with_manifest("zz")
    with pytest.raises(LedgerError, match="nothing was released yet"):
        Ledger().with_manifest("zz")
