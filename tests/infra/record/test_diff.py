"""What `flygate diff` says about two releases."""

from __future__ import annotations

import pytest
from flygate.manifest import Group
from flygate.record import diff, history
from flygate.record.history import Entry
from flygate.system.errors import LedgerError

from tests.infra.builders import entry, ledger, manifest, release

OLD = manifest(config={"env": {"GREETING": "hi", "GONE": "1"}, "guest": {"memory_mb": 256}})
NEW = manifest(
    config={"env": {"GREETING": "hello", "NEW": "2"}, "guest": {"memory_mb": 512}},
    regions=("iad", "fra"),
)


def _entries(*, old: dict[str, str], new: dict[str, str]) -> tuple[Entry, Entry]:
    book = ledger(
        release(6, manifest=OLD, secret_set="a"),
        release(7, manifest=NEW, secret_set="b"),
        a=old,
        b=new,
    )
    later, earlier = history.parse(book.history())
    return earlier, later


def test_every_difference_has_its_key_and_both_values() -> None:
    """Environment, machine config and places are distinguished."""
    found = [str(change) for change in diff.between(*_entries(old={}, new={}))]
    assert found == [
        "~ config.guest.memory_mb: 256 → 512",
        '- env.GONE: "1"',
        '~ env.GREETING: "hi" → "hello"',
        '+ env.NEW: "2"',
        '~ regions: ["iad"] → ["iad", "fra"]',
    ]


def test_a_list_that_was_not_there_is_one_difference() -> None:
    """What a phase turns on in one go is read in one line; inside of lists it is named by place."""
    cache = [{"type": "cookie", "name": "a", "ttl_seconds": 300}]
    old = {"services": [{"ports": [443]}, {"ports": [80]}]}
    new = {"services": [{"ports": [443], "http_options": {"replay_cache": cache}}]}

    assert [str(change) for change in diff.changes(old, new)] == [
        "+ services[0].http_options.replay_cache: "
        '[{"type": "cookie", "name": "a", "ttl_seconds": 300}]',
        "- services[1].ports: [80]",
    ]


def test_of_secrets_only_the_names_are_reported() -> None:
    """Added, gone and changed ones are marked; no value and no length is shown."""
    old = {"SAME": "same-value", "ROTATED": "former-value", "GONE": "gone-value"}
    new = {"SAME": "same-value", "ROTATED": "latter-value", "ADDED": "added-value"}
    entries = _entries(old=old, new=new)
    found = [str(change) for change in diff.between(*entries)]
    assert found[-3:] == ["+ secret ADDED", "- secret GONE", "~ secret ROTATED"]
    assert "value" not in "".join(entry.model_dump_json() for entry in entries)


def test_a_release_does_not_differ_from_itself() -> None:
    """Nothing is made up."""
    one, _ = _entries(old={"A": "value"}, new={})
    assert diff.between(one, one) == []


def test_a_release_of_an_earlier_flygate_is_named() -> None:
    """Its content was not kept, which is said instead of comparing with nothing."""
    with pytest.raises(LedgerError, match="content of v1 is not known"):
        diff.between(entry(1, "a"), entry(2, "b"))


@pytest.mark.parametrize(
    ("versions", "expected"),
    [([], ("v2", "v3")), (["v1"], ("v1", "v3")), (["1", "v2"], ("v1", "v2"))],
)
def test_what_is_not_named_is_the_newest(versions: list[str], expected: tuple[str, str]) -> None:
    """Most often the question is what the last release changed."""
    past = [entry(3, "c"), entry(2, "b"), entry(1, "a")]
    old, new = diff.pick(past, versions)
    assert (old.version, new.version) == expected


def test_an_unknown_release_is_answered_with_the_known_ones() -> None:
    """The operator sees what there is to name."""
    with pytest.raises(LedgerError, match="no release v9 in the ledger; it has v2, v1"):
        diff.pick([entry(2, "b"), entry(1, "a")], ["v9"])


def test_one_release_alone_has_nothing_to_be_compared_with() -> None:
    """A new stack says so."""
    with pytest.raises(LedgerError, match="no two releases"):
        diff.pick([entry(1, "a")], [])


def test_other_groups_go_by_name_and_their_environment_is_said_once() -> None:
    """It is that of the group that serves, but for the name of the group."""
    env = {"A": "1", "FLY_PROCESS_GROUP": "app"}
    of_worker = {**env, "FLY_PROCESS_GROUP": "worker"}
    group = Group(name="worker", config={"env": of_worker}, regions=("iad",), machines=1)
    old = manifest(config={"env": env}, others=(group,))
    changed = {"env": {**of_worker, "A": "2"}, "guest": {"memory_mb": 512}}
    new = manifest(
        config={"env": {**env, "A": "2"}},
        others=(group.model_copy(update={"machines": 2, "config": changed}),),
    )

    found = diff.manifest_changes(old.model_dump(mode="json"), new.model_dump(mode="json"))

    assert [str(change) for change in found] == [
        '~ env.A: "1" → "2"',
        "+ groups.worker.config.guest.memory_mb: 512",
        "~ groups.worker.machines: 1 → 2",
    ]
