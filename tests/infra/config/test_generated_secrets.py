"""The secrets that `flygate init` generates."""

from __future__ import annotations

from flygate import config
from flygate.config import generated_secrets
from flygate.config.generated_secrets import GENERATED
from flygate.fly.admin import check_token
from flygate_wire.variables import Variable


def test_each_is_one_that_the_service_reads() -> None:
    """By the same name, and a stack takes it."""
    assert GENERATED.keys() <= {variable.value for variable in Variable}
    assert config.load_secrets({"secrets": dict.fromkeys(GENERATED, "x")})


def test_each_can_be_an_admin_token_and_is_another_one() -> None:
    """Long enough, of letters that a header can carry."""
    made = {check_token(generated_secrets.new()) for _ in range(100)}

    assert len(made) == 100
