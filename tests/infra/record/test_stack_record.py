"""What a stack's state remembers: read from whatever is left of it."""

from __future__ import annotations

import json

import pytest
from flygate.config import Pin
from flygate.fly.owner import Owner, is_same, refusal
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record import frame
from flygate.record.ledger import Ledger
from flygate.record.stack_record import StackRecord
from flygate.system.errors import OwnerError

from tests.infra.builders import manifest, release

OURS = "acme/flygate/prod#0123abcd"
SECRET = "4dabf18193072939515e22adb298388d"
URN = "urn:pulumi:prod::flygate::flygate:fly:{kind}$command:local:Command::{name}"


def ledger(count: int) -> Ledger:
    """Releases v1 to vN of the app, the values of each kept."""
    grown = Ledger(app="shop", state="0123abcd", tenure="t1")
    for version in range(1, count + 1):
        entry = release(version, manifest=manifest(secrets=("KEY",)), secret_set=f"s{version}")
        grown = grown.add(entry, {"KEY": f"value {version}"})
    return grown


def state(*results: str, copy: str | None = None, app: str = "") -> Checkpoint:
    """A state as Pulumi exports it; all results but the first are of replaced resources."""
    resources: list[dict[str, object]] = [
        {"urn": "x", "type": "pulumi:pulumi:Stack", "outputs": {"ledger": _secret(copy)}}
    ]
    resources += [_command("Release", text, number > 0) for number, text in enumerate(results)]
    resources += [_command("App", app, False)] if app else []
    return Checkpoint.exported(json.dumps({"deployment": {"resources": resources}}))


def _command(kind: str, text: str, is_replaced: bool) -> dict[str, object]:
    return {
        "urn": URN.format(kind=kind, name="any-name"),
        "type": "command:local:Command",
        "outputs": {"stdout": _secret(text)},
        "delete": is_replaced,
    }


def _secret(value: str | None) -> object:
    return None if value is None else {SECRET: "1b4706", "plaintext": json.dumps(value)}


def test_a_state_without_a_deployment_remembers_nothing() -> None:
    """So begins every stack."""
    found = StackRecord.of(Checkpoint())

    assert (found.app, found.owner, found.has_result, found.problem) == ("", None, False, "")
    assert found.ledger == Ledger()
    found.check_identity("shop", "prod", "")


def test_the_copy_completes_what_was_handed_on() -> None:
    """The plugin had no room for the values of the first release."""
    whole = ledger(3)
    sets = {key: values for key, values in whole.secret_sets.items() if key != "s1"}
    handed = whole.model_copy(update={"secret_sets": sets})

    found = StackRecord.of(state(handed.dumps(), copy=whole.content()))

    assert found.ledger == whole
    assert found.values_of(Pin(version="v1", manifest="manifest1")) == {"KEY": "value 1"}
    assert found.values_of(Pin(version="v9", manifest="manifest1")) == {}


@pytest.mark.parametrize("damaged", ["a line of a log", "flygate-result 1 9 0000000000000000\n{}"])
def test_a_damaged_result_leaves_the_copy(damaged: str) -> None:
    """And says what is wrong, without a word of it."""
    found = StackRecord.of(state(damaged, copy=ledger(2).content()))

    assert found.ledger == ledger(2)
    assert found.has_result
    assert found.problem.startswith("The ledger in Pulumi's state can't be read (")
    assert found.after("nonsense, too") == ledger(2)
    assert found.after(ledger(3).dumps()).next_version == 4


def test_a_replaced_resource_is_read_after_its_successor() -> None:
    """Both are in the state until the delete has run."""
    found = state(ledger(3).dumps(), ledger(2).dumps())

    assert StackRecord.of(found).ledger.next_version == 4
    assert found.has_successor("Release")
    assert not found.has_successor("App")


@pytest.mark.parametrize("framed", [True, False])
def test_whose_it_is_stands_in_the_result_of_the_app(framed: bool) -> None:
    """Flygate 0.1 left it without a frame, and without an owner."""
    text = json.dumps({"app": "shop", "org": "acme", "url": "", "owner": OURS if framed else ""})
    found = StackRecord.of(state(app=frame.wrap(text) if framed else text))

    assert (found.app, found.org) == ("shop", "acme")
    assert found.owner == (Owner("acme/flygate/prod", "0123abcd") if framed else None)


def test_another_app_is_refused_unless_the_stack_moves() -> None:
    """The message names both ways, and the stack."""
    found = StackRecord.of(state(ledger(1).dumps()))

    found.check_identity("shop", "prod", "")
    found.check_identity("shop-new", "prod", "shop")
    with pytest.raises(OwnerError, match=r"releases to shop.*flygate move prod --app shop-new"):
        found.check_identity("shop-new", "prod", "")


def test_an_owner_is_known_by_the_id_of_its_state() -> None:
    """Stacks are renamed; machines of Flygate 0.1 carry no label, and are any stack's."""
    assert Owner.parse(OURS) == Owner("acme/flygate/prod", "0123abcd")
    assert str(Owner("acme/flygate/prod", "0123abcd")) == OURS
    assert is_same(OURS, "acme/flygate/production#0123abcd")
    assert is_same("", OURS)
    assert not is_same(OURS, "acme/flygate/prod#ffffffff")
    assert Owner.parse("nonsense") is None


def test_a_refusal_says_which_of_the_two_it_is() -> None:
    """A copied stack needs another app; a fresh state of the same stack needs the right backend."""
    copied = str(refusal("shop", OURS, "acme/flygate/copy#ffffffff"))
    fresh = str(refusal("shop", OURS, "acme/flygate/prod#ffffffff"))

    assert "belongs to the stack acme/flygate/prod." in copied
    assert "pulumi config set app <name> --stack copy" in copied
    assert f"takeover '{OURS}' --stack copy" in copied
    assert "of another state than this one" in fresh
    assert "pulumi login" in fresh
