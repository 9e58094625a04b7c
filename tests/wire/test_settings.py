"""The schema of the service's variables: what it refuses is what the service refuses."""

from __future__ import annotations

from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from flygate_limiter import Failure, Mode, window
from flygate_limiter.quota import NANOS
from flygate_service.settings import SettingError, Settings
from flygate_wire.settings import SCHEMA, WINDOW_MAX, Choice, Whole, problems
from flygate_wire.variables import Variable
from hypothesis import given

# Of these the service asks more than the schema knows: the machine, and the Redis.
MACHINE = {"FLY_APP_NAME": "shop", "FLY_MACHINE_ID": "m", "FLYGATE_KEY": "k"}
REDIS = {"REDIS_URL": "redis://host"}
ODD = ["", " ", "many", "-1", "1e3", "٦٠", "9" * 40, "true", "x\0", "10.0.0.0/8", "10.0.0.1/8"]


def refused(values: Mapping[str, str]) -> set[str]:
    """What the schema refuses, which the service refuses, too."""
    found = {one.variable.value for one in problems(values)}
    if not found:
        Settings.from_environment({**MACHINE, **REDIS, **values})
        return found
    with pytest.raises(SettingError) as error:
        Settings.from_environment({**MACHINE, **REDIS, **values})
    assert error.value.variable in found
    return found


@pytest.mark.parametrize("variable", SCHEMA)
def test_each_variable_alone(variable: Variable) -> None:
    """At its bounds, beyond them, and with nonsense."""
    kind = SCHEMA[variable]
    texts = [*ODD, *(kind.words if isinstance(kind, Choice) else ())]
    if isinstance(kind, Whole):
        texts += map(str, (kind.least - 1, kind.least, kind.default, kind.most, kind.most + 1))
    outcomes = {text: refused({variable.value: text}) for text in texts}

    assert outcomes[""] == outcomes[" "] == set()
    assert outcomes["many"] == {variable.value}


@given(st.lists(st.sampled_from(list(SCHEMA)), max_size=4), st.data())
def test_any_of_them_together(chosen: list[Variable], data: st.DataObject) -> None:
    """The contradictions, too."""
    values = {}
    for variable in chosen:
        kind = SCHEMA[variable]
        own = st.sampled_from(kind.words) if isinstance(kind, Choice) else st.nothing()
        if isinstance(kind, Whole):
            own = st.one_of(st.just(kind.most), st.integers(kind.least, kind.most)).map(str)
        values[variable.value] = data.draw(own | st.sampled_from(ODD))
    refused(values)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"SERVICE_MAX_REQUESTS": "20", "SERVICE_MAX_REQUESTS_PER_CLIENT": "21"}, "PER_CLIENT"),
        ({"RATE_LIMIT_RPM": "1", "RATE_LIMIT_BURST": "10000000"}, "BURST"),
        ({"RATE_LIMIT_RPM": "999999", "RATE_LIMIT_ALGORITHM": "sliding_window"}, "RPM"),
        ({"RATE_LIMIT_AFFINITY": "on", "RATE_LIMIT_ALGORITHM": "sliding_window"}, "AFFINITY"),
        ({"TRUSTED_PROXIES": "::ffff:0:0/96"}, "PROXIES"),
        ({"ADMIN_TOKEN": "short"}, "TOKEN"),
    ],
)
def test_contradictions(values: dict[str, str], wrong: str) -> None:
    """Each value alone may be right."""
    (name,) = refused(values)

    assert name.endswith(wrong)


def test_the_words_and_bounds_are_the_limiter_s() -> None:
    """The schema must not import it."""
    assert SCHEMA[Variable.RATE_LIMIT_MODE] == Choice(tuple(Mode))
    assert SCHEMA[Variable.RATE_LIMIT_FAILURE] == Choice(tuple(Failure))
    assert window.largest(60 * NANOS) == WINDOW_MAX
