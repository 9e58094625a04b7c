"""The ledger: what is remembered of releases, and what never gets out."""

from __future__ import annotations

import json
import random
import string

import pytest
from flygate.config import Pin
from flygate.record import frame
from flygate.record.ledger import BYTES_MAX, RELEASES_MAX, Ledger
from flygate.system.errors import LedgerError

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
    """Standard output of one run is the input of the next, in lines that the plugin can read."""
    before = grown(3)

    assert Ledger.parse(before.dumps()) == before
    assert Ledger.parse(before.content()) == before
    assert max(map(len, before.dumps().splitlines())) <= 2000


def test_a_ledger_of_flygate_0_1_is_read() -> None:
    """It was one line of plain JSON, each secret set written out."""
    set_ = {"aa": {"KEY": CANARY}}
    releases = [release(1, secret_set="aa").model_dump(mode="json", exclude={"rebuilt"})]
    old = json.dumps({"schema": 1, "releases": releases, "secret_sets": set_, "key": "k"})

    read = Ledger.parse(old)

    assert (read.current_secrets, read.key, read.app) == ({"KEY": CANARY}, "k", "")
    assert read.current == release(1, secret_set="aa")
    # A library of that version could print its own lines before it.
    assert Ledger.parse("2026-11-29 [warning] stamina.retry_scheduled\n" + old) == read


@pytest.mark.parametrize(
    "broken",
    [
        f'{{"schema": 1, "secret_sets": {{"s": {{"KEY": ["{CANARY}"]}}}}}}',
        f'{{"schema": 1, "releases": ["{CANARY}"]}}',
        f'{{"schema": 1, "extra": "{CANARY}"}}',
        f"{CANARY}: no JSON",
        frame.wrap(f"{CANARY}"),
        grown(2).dumps()[:-20],
        grown(2).dumps().replace("flygate-result 1", "flygate-result 2"),
        '{"schema": 7, "releases": []}',
        f'{{"schema": 2, "values": ["{CANARY}"], "secret_sets": {{"s": {{"KEY": 5}}}}}}',
        f'{{"schema": 2, "values": ["{CANARY}"], "secret_sets": ["{CANARY}"]}}',
    ],
)
def test_an_unreadable_ledger_says_where_and_quotes_no_value(broken: str) -> None:
    """Neither the text nor a cause that a traceback would show has a secret in it."""
    with pytest.raises(
        LedgerError, match=r"can't be read \(.+\).*the next `pulumi up` takes over"
    ) as error:
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


def noise(size: int, seed: int = 0) -> str:
    """Text that can't be compressed: as a key's or a certificate's."""
    alphabet = string.ascii_letters + string.digits + "+/"
    return "".join(random.Random(seed).choices(alphabet, k=size))


def test_the_ledger_fits_into_an_environment_variable() -> None:
    """Values of old releases go first, then the releases; the newest ones stay."""
    kept = Ledger()
    for version in range(1, 7):
        large = manifest(config={"env": {"BLOB": noise(30_000, version)}}, secrets=("KEY",))
        entry = release(version, manifest=large, secret_set=f"s{version}")
        kept = kept.add(entry, {"KEY": noise(20_000, -version)})

    assert len(kept.dumps()) <= BYTES_MAX
    assert [r.version for r in kept.releases] == [3, 4, 5, 6]
    assert set(kept.secret_sets) == {"s6"}


def test_the_values_of_old_releases_go_before_the_releases() -> None:
    """History stays whole, and says of which releases the values are gone."""
    kept = Ledger()
    for version in range(1, 8):
        named = manifest(secrets=("CERTIFICATE",))
        entry = release(version, manifest=named, secret_set=f"s{version}")
        kept = kept.add(entry, {"CERTIFICATE": noise(60_000, version)})

    assert [r.version for r in kept.releases] == list(range(1, 8))
    assert [kept.has_secrets_of(r) for r in kept.releases] == [False] * 5 + [True] * 2
    assert [bool(entry["secrets"]) for entry in kept.history()] == [True] * 2 + [False] * 5


def test_a_value_is_kept_once_for_all_releases() -> None:
    """A large certificate that stays takes the room of one, whatever changes beside it."""
    kept = Ledger()
    for version in range(1, RELEASES_MAX + 1):
        named = manifest(secrets=("CERTIFICATE", "KEY"))
        entry = release(version, manifest=named, secret_set=f"s{version}")
        kept = kept.add(entry, {"CERTIFICATE": noise(60_000), "KEY": f"key {version}"})

    assert len(kept.secret_sets) == RELEASES_MAX
    assert len(kept.dumps()) <= BYTES_MAX


def test_what_serves_is_recorded_whatever_its_size() -> None:
    """The bounds were checked before; what slipped through is not lost with its history."""
    huge = manifest(config={"env": {"BLOB": noise(200_000)}})

    kept = grown(3).add(release(4, manifest=huge), {})

    assert [r.version for r in kept.releases] == [4]


def test_two_copies_complete_each_other() -> None:
    """The stack's own copy has what the plugin could not hand on."""
    whole = grown(3, "a value").model_copy(update={"app": "shop"})
    cut = whole.model_copy(update={"releases": whole.releases[1:], "secret_sets": {}})
    newer = cut.add(release(4), {"KEY": "other"})

    joined = newer.joined(whole)

    assert [r.version for r in joined.releases] == [1, 2, 3, 4]
    assert all(joined.has_secrets_of(r) for r in joined.releases)
    foreign = whole.model_copy(update={"app": "another"})
    assert newer.joined(foreign) == newer


def test_equal_values_share_one_secret_set() -> None:
    """The same secrets have the same id, so that an unchanged manifest keeps its own."""
    one = ledger(release(1, secret_set="aa"), aa={"KEY": CANARY})

    assert one.secret_set_for({"KEY": CANARY}) == "aa"
    assert one.secret_set_for({"KEY": "other"}) != "aa"
    assert len(grown(5).secret_sets) == 1


def test_the_id_of_a_new_set_says_nothing_about_the_values() -> None:
    """It is random, or keyed by a secret: a hash of a weak secret could be guessed."""
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
    """It is a stack output without a secret."""
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


def test_a_pin_that_contradicts_itself_is_refused() -> None:
    """Written by hand, or merged: version and manifest name two releases."""
    past = ledger(release(3, manifest_id="aa"), release(4, manifest_id="bb"))

    for version in ("v3", "v1"):  # v1 is forgotten, and its manifest was released again
        assert past.named_by(Pin(version=version, manifest="aa")).version == 3
    for version, why in {"v4": "v4 ran bb", "v9": "there is no v9"}.items():
        with pytest.raises(LedgerError, match=f"manifest aa, and {why}; .* ran as v3.* --to v3`"):
            past.named_by(Pin(version=version, manifest="aa"))
