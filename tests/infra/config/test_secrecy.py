"""Encrypted values stay encrypted, and secrets must be encrypted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi.runtime.config as runtime_config
import pytest
from flygate.config import secrecy
from flygate.program import inputs
from flygate.system import project
from flygate.system.errors import ConfigError

CANARY = "canary-value-71"
SEAL = {"secure": "v1:AAAA:BBBB"}


def refusal(
    values: Mapping[str, Any], sealed: set[str], written: Mapping[str, Any] | None = None
) -> str:
    """The text of the error; empty if there is none."""
    raw = {key: one if isinstance(one, str) else json.dumps(one) for key, one in values.items()}
    try:
        secrecy.read(raw, sealed, written).check()
    except ConfigError as exc:
        return str(exc)
    return ""


def test_a_secret_of_the_environment_is_refused() -> None:
    """The environment is in clear in the state and on the machines; it says what to type."""
    text = refusal({"env": {"X": CANARY, "RATE": "60"}}, {"env"}, {"env": {"X": SEAL, "RATE": 60}})

    assert "flygate:env.X is set as a secret" in text
    assert "pulumi config set --secret --path secrets.X\n" in text
    assert "pulumi config rm --path env.X" in text
    assert "RATE" not in text
    assert CANARY not in text


def test_where_pulumi_does_not_say_which_all_are_named() -> None:
    """A key can come from elsewhere than from the stack's file."""
    text = refusal({"env": {"X": CANARY, "Y": "1"}}, {"env"})

    assert (
        "Something in flygate:env is set as a secret; it has flygate:env.X, flygate:env.Y" in text
    )
    for name in ("X", "Y"):
        assert f"pulumi config set --secret --path secrets.{name}" in text
        assert f"pulumi config rm --path env.{name}" in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("values", "written", "named", "command"),
    [
        ({"app": CANARY}, {"app": SEAL}, "flygate:app is", "pulumi config set app <value>"),
        ({"org": CANARY}, {}, "flygate:org is", "pulumi config set org <value>"),
        (
            {"rollout": {"soak": CANARY, "wait": "1m"}},
            {"rollout": {"soak": SEAL, "wait": "1m"}},
            "flygate:rollout.soak is",
            "pulumi config set --path rollout.soak <value>",
        ),
        (
            {"rollout": {"judge": {"ignore": [CANARY]}}},
            {"rollout": {"judge": {"ignore": [SEAL]}}},
            "flygate:rollout.judge is",
            "pulumi config set --path rollout.judge <value>",
        ),
        (
            {"redis": {"name": CANARY, "url": "redis://x"}},
            {"redis": {"name": SEAL, "url": SEAL}},
            "flygate:redis.name is",
            "pulumi config set --path redis.name <value>",
        ),
        ({"redis": {"name": CANARY}}, {}, "flygate:redis.name is", "--path redis.name <value>"),
        ({"redis": f"redis://:{CANARY}@h"}, {"redis": SEAL}, "flygate:redis is", "redis <value>"),
        ({"frob": CANARY}, {"frob": SEAL}, "flygate:frob is", "pulumi config set frob <value>"),
        ({"env": CANARY}, {"env": SEAL}, "flygate:env", "--secret --path secrets.NAME"),
        ({"env": {"X": CANARY}}, {"env": SEAL}, "flygate:env.X", "--secret --path secrets.X"),
        ({"regions": [CANARY]}, {"regions": [SEAL]}, "flygate:regions is", "set regions <value>"),
    ],
)
def test_a_secret_is_refused_wherever_it_would_be_shown(
    values: Mapping[str, Any], written: Mapping[str, Any], named: str, command: str
) -> None:
    """Nothing but `secrets` and `redis.url` is kept secret further on."""
    text = refusal(values, set(values), written)

    assert named in text
    assert command in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("values", "sealed", "written"),
    [
        ({}, set(), {}),
        ({"secrets": {"A": "x"}}, {"secrets"}, {"secrets": {"A": SEAL}}),
        ({"secrets": {"A": "x"}}, {"secrets"}, {"secrets": SEAL}),
        ({"secrets": {"A": "x"}}, {"secrets"}, {}),
        ({"secrets": {}}, set(), {"secrets": {}}),
        (
            {"redis": {"url": "redis://x", "name": "r"}},
            {"redis"},
            {"redis": {"url": SEAL, "name": "r"}},
        ),
        ({"redis": {"url": "redis://x", "name": "r"}}, {"redis"}, {}),
        ({"env": {"X": "1"}, "app": "shop"}, set(), {"env": {"X": 1}, "app": "shop"}),
    ],
)
def test_what_is_right_is_taken(
    values: Mapping[str, Any], sealed: set[str], written: Mapping[str, Any]
) -> None:
    """Secrets where they belong, and plain values elsewhere."""
    assert refusal(values, sealed, written) == ""


@pytest.mark.parametrize(
    ("values", "sealed", "written", "key"),
    [
        ({"secrets": {"A": CANARY}}, set(), {"secrets": {"A": CANARY}}, "secrets.A"),
        ({"secrets": {"A": CANARY}}, set(), {}, "secrets.A"),
        (
            {"secrets": {"A": CANARY, "B": "x"}},
            {"secrets"},
            {"secrets": {"A": CANARY, "B": SEAL}},
            "secrets.A",
        ),
        (
            {"secrets": {"A": CANARY}},
            set(),
            {"secrets": json.dumps({"A": CANARY})},
            "secrets.A",
        ),
        (
            {"redis": {"url": CANARY, "name": "x"}},
            {"redis"},
            {"redis": {"url": CANARY, "name": SEAL}},
            "redis.url",
        ),
    ],
)
def test_a_secret_in_plain_text_is_refused(
    values: Mapping[str, Any], sealed: set[str], written: Mapping[str, Any], key: str
) -> None:
    """The stack's file is in git: what stands there in clear is no secret any more."""
    text = refusal(values, sealed, written)

    assert f"flygate:{key} is in plain text" in text
    assert f"pulumi config set --secret --path {key}" in text
    assert CANARY not in text
    assert "secrets.B" not in text


def test_the_texts_that_must_not_be_shown() -> None:
    """Of each key in which Pulumi keeps something encrypted; not what is known to be plain."""
    values = {
        "secrets": {"A": "one", "B": "two"},
        "redis": {"url": "redis://x", "name": "r"},
        "env": {"X": "three", "Y": "plain"},
        "app": "shop",
    }
    found = secrecy.read(values, {"secrets", "redis", "env"}, {"env": {"X": SEAL, "Y": "plain"}})

    assert sorted(found.texts()) == ["one", "redis://x", "three", "two"]


class TestProgram:
    """The configuration as Pulumi hands it to the program."""

    @pytest.fixture(autouse=True)
    def _settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        former = dict(runtime_config.CONFIG.get()), runtime_config._SECRET_KEYS.get()
        monkeypatch.setattr(project, "root", lambda: tmp_path)
        monkeypatch.setattr("pulumi.get_stack", lambda: "demo")
        file = tmp_path / "Pulumi.demo.yaml"
        file.write_text("config:\n  flygate:env:\n    X:\n      secure: v1:a\n    Y: 1\n")
        yield
        runtime_config.set_all_config(former[0], list(former[1]))

    def test_it_is_refused_when_it_is_read(self) -> None:
        """Before anything is written into a state."""
        texts = {"flygate:app": "shop", "flygate:env": json.dumps({"X": CANARY, "Y": 1})}
        runtime_config.set_all_config(texts, ["flygate:env"])

        with pytest.raises(ConfigError, match=r"pulumi config rm --path env\.X") as error:
            inputs.raw()
        assert CANARY not in str(error.value)
        assert "env.Y" not in str(error.value)

    def test_a_configuration_without_it_is_read(self) -> None:
        """As it was."""
        runtime_config.set_all_config({"flygate:app": "shop", "other:x": "y"}, ["other:x"])

        assert inputs.raw() == {"app": "shop"}
