"""The table of the service's variables."""

from collections.abc import Iterator, Mapping

from flygate_service.settings import Settings
from flygate_wire.variables import SETTINGS, Variable


class Watched(Mapping[str, str]):
    """An environment that notes which variables are read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values_ = values
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def test_the_service_reads_all_of_them_and_no_other() -> None:
    """A variable that is missing in the table would be taken for a typing error."""
    environment = Watched(
        {"FLY_APP_NAME": "demo", "FLY_MACHINE_ID": "me", "FLYGATE_KEY": "a key", "LOGIN_USERS": "x"}
        | {"SERVICE_MAX_REQUESTS_PER_CLIENT": "5"}
    )

    Settings.from_environment(environment)

    assert environment.read == {variable.value for variable in Variable}


def test_the_settings_are_those_that_only_the_service_knows() -> None:
    """Fly and Flygate set others, and every application knows the rest."""
    assert {"HOST", "PORT", "REDIS_URL"}.isdisjoint(SETTINGS)
    assert not any(name.startswith(("FLY_", "FLYGATE_")) for name in SETTINGS)
    assert "RATE_LIMIT_RPM" in SETTINGS


def test_a_name_is_its_value() -> None:
    """So that it is found by a search for either."""
    assert all(variable.name == variable.value for variable in Variable)
