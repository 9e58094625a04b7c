"""What a release may weigh: refused by name and size before anything is changed."""

from __future__ import annotations

import random
import string

import pytest
from flygate.record import bounds
from flygate.record.ledger import BYTES_MAX, Ledger
from flygate.system.errors import ConfigError

from tests.infra.builders import manifest, release


def noise(size: int, seed: int = 0) -> str:
    """Text that can't be compressed."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))


def test_one_variable_has_the_room_that_linux_gives_it() -> None:
    """Name, sign, value and the end of the text are 128 KiB together."""
    room = bounds.VARIABLE_BYTES_MAX - len("KEY=") - 1
    plain = manifest(config={"env": {"KEY": "x" * room}})
    bounds.check(plain, {})

    for found, values in (
        (manifest(config={"env": {"KEY": "x" * (room + 1)}}), {}),
        (manifest(secrets=("KEY",)), {"KEY": "x" * (room + 1)}),
        (manifest(secrets=("KEY",)), {"KEY": "ü" * (room // 2 + 1)}),
    ):
        with pytest.raises(ConfigError, match=r"KEY has 131,07\d bytes.*131,072 at most"):
            bounds.check(found, values)


def test_all_secrets_travel_in_one_variable() -> None:
    """As JSON, where a line end takes two bytes."""
    values = {f"KEY_{number}": "x\n" * 20_000 for number in range(4)}

    with pytest.raises(ConfigError, match=r"secrets together have 24\d,\d+ bytes.*KEY_3 with 40,"):
        bounds.check(manifest(secrets=tuple(values)), values)


def test_all_variables_of_a_machine_have_a_bound() -> None:
    """However well they could be compressed."""
    env = {f"KEY_{number}": "x" * 100_000 for number in range(12)}

    with pytest.raises(ConfigError, match=r"All variables .* have 1,200,\d+ bytes"):
        bounds.check(manifest(config={"env": env}), {})


def test_the_record_of_a_release_fits_or_is_refused() -> None:
    """What passes is recorded whole, with its values, whatever the gates say of it."""
    named = manifest(secrets=("KEY",))
    for size in (60_000, 100_000, 110_000):
        values = {"KEY": noise(size)}
        bounds.check(named, values)
        entry = release(
            7, manifest=named, verdicts={gate: noise(160) for gate in ("health", "smoke", "judge")}
        )
        kept = Ledger().add(entry, values, key=noise(43))
        assert len(kept.dumps()) <= BYTES_MAX
        assert kept.current_secrets == values
    with pytest.raises(ConfigError, match=r"record of this release.*The largest: KEY with 125,005"):
        bounds.check(named, {"KEY": noise(125_000)})


def test_no_value_is_quoted() -> None:
    """The message goes to a log."""
    value = noise(140_000)
    with pytest.raises(ConfigError) as error:
        bounds.check(manifest(secrets=("KEY",)), {"KEY": value})
    assert value[:8] not in str(error.value)
