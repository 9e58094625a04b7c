"""The stack's configuration: accepted values, and the text of errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flygate import config
from flygate.config import Pin, RolloutConfig, SmokeConfig, SmokeRequest, StackConfig
from flygate.config.rollout import CLIENT_STEPS
from flygate.system.errors import ConfigError

DIGEST = "registry.fly.io/shop@sha256:" + "0" * 64


def load(**raw: Any) -> StackConfig:
    return config.load({"app": "shop", **raw})


def complaint(**raw: Any) -> str:
    with pytest.raises(ConfigError) as error:
        load(**raw)
    return str(error.value)


def test_an_app_name_is_enough() -> None:
    """Everything else has a default, and the defaults are those of phase 1 from this checkout."""
    stack = load()

    assert stack == StackConfig(app="shop")
    assert (stack.org, stack.phase, stack.image, stack.source) == (
        "personal",
        1,
        "source",
        ("service", "wire"),
    )
    assert (stack.machines, stack.regions, stack.env, stack.pin) == (None, (), {}, None)
    assert (stack.rollout, stack.smoke, stack.protect) == (RolloutConfig(), SmokeConfig(), False)
    assert stack.row.number == 1


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("app", "my-app-2", "my-app-2"),
        ("org", "acme", "acme"),
        ("phase", 2, 2),
        ("machines", 3, 3),
        ("regions", ["iad", "fra"], ("iad", "fra")),
        ("image", DIGEST, DIGEST),
        ("source", ["wire", "service", "shop"], ("wire", "service", "shop")),
        # Stack files of before name the service alone.
        ("source", ["service", "shop"], ("service", "shop", "wire")),
        ("source", ["service/"], ("service/", "wire")),
        ("source", ["shop"], ("shop",)),
        ("source", ["."], (".",)),
        ("env", {"A": "b"}, {"A": "b"}),
        ("env", {"N": 5, "F": 0.5, "T": True}, {"N": "5", "F": "0.5", "T": "true"}),
        ("rollout", {"wait": "30s", "drain": "0s"}, RolloutConfig(wait="30s", drain="0s")),
        ("rollout", {"wait": "30s"}, RolloutConfig(wait="30s", drain="10s")),
        ("smoke", {"limiter": False}, SmokeConfig(limiter=False)),
        (
            "smoke",
            {"requests": [{"path": "/a?b=1"}]},
            SmokeConfig(requests=(SmokeRequest(path="/a?b=1"),)),
        ),
        ("protect", True, True),
        ("owners", {"API_KEY": "rotated"}, {"API_KEY": "rotated"}),
        ("pin", {"version": "v7", "manifest": "ab"}, Pin(version="v7", manifest="ab")),
    ],
)
def test_every_key_is_read_from_yaml_and_from_the_command_line(
    key: str, value: Any, expected: Any
) -> None:
    """`pulumi config set` stores JSON as text; it means the same as the YAML."""
    as_text = value if isinstance(value, str) else json.dumps(value)

    assert getattr(load(**{key: value}), key) == expected
    assert getattr(load(**{key: as_text}), key) == expected


@pytest.mark.parametrize(
    ("key", "value", "found", "what_to_do"),
    [
        ("app", "My_App", '"My_App"', "must be 2 to 63 lower-case letters"),
        ("app", "-shop", '"-shop"', "must be 2 to 63 lower-case letters"),
        ("phase", "9", "9", "must be one of 1, 2, 3"),
        ("phase", "big", '"big"', "must be a whole number"),
        ("regions", ["moon"], '["moon"]', "must be regions of Fly"),
        ("machines", "0", "0", "must be at least 1"),
        ("machines", "51", "51", "must be at most 50"),
        ("machines", True, "true", "must be a number"),
        ("regions", "iad", '"iad"', "must be a list"),
        ("image", "registry.fly.io/shop:latest", "shop:latest", "image by digest"),
        ("image", "shop@sha256:0", "shop@sha256:0", "image by digest"),
        ("source", "7", "7", "must be a list"),
        ("source", [], "[]", "must name a folder at least"),
        ("source", [" "], '[" "]', "must have no empty name"),
        ("org", "", '""', "must be the slug"),
        ("takeover", "staging", '"staging"', "organisation/project/stack#"),
        ("rollout", {"wait": "0s"}, '"0s"', "must be at least 1s"),
        ("rollout", {"soak": "12000000000m"}, '"12000000000m"', "must be at most 8760h"),
        ("rollout", {"standby": "9" * 400 + "h"}, "(403 characters)", "must be at most 8760h"),
        ("rollout", {"steps": ["50%", "10%"]}, '["50%", "10%"]', '"10%" is less than "50%"'),
        ("rollout", {"steps": [3, "50%", 3, 2]}, '[3, "50%", 3, 2]', "2 is less than 3"),
        ("promotion", {"soak": "1d", "from": "x"}, '"1d"', "a number with its unit"),
        ("env", "[]", "[]", "must be a map"),
        ("protect", "maybe", '"maybe"', "must be true or false"),
        ("rollout", {"wait": "soon"}, '"soon"', "30s"),
        ("rollout", {"drain": 5}, "5", "must be text"),
        ("smoke", {"limiter": "perhaps"}, '"perhaps"', "must be true or false"),
        ("pin", {"version": "7", "manifest": "ab"}, '"7"', "flygate history"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_the_remedy(
    key: str, value: Any, found: str, what_to_do: str
) -> None:
    """An operator must find the line to change from the message alone."""
    path = f"{key}.{next(iter(value))}" if isinstance(value, dict) else key

    text = complaint(**{key: value})

    assert f"flygate:{path} is " in text
    assert found in text
    assert what_to_do in text


def test_a_missing_key_says_how_to_set_it() -> None:
    """The one key without a default is asked for with the command that sets it."""
    with pytest.raises(ConfigError, match=r"flygate:app is not set.*pulumi config set app"):
        config.load({})


@pytest.mark.parametrize("key", ["aap", "Secrets", "regoins"])
def test_an_unknown_key_is_an_error_that_lists_the_known_ones(key: str) -> None:
    """A misspelt key must not be ignored, or its default would be a surprise."""
    text = complaint(**{key: "x"})

    assert f"flygate:{key} is no key" in text
    assert "app, autostop, concurrency, count, env, guest, image, machines" in text
    assert "secrets" in text


@pytest.mark.parametrize(
    ("request_", "what_to_do"),
    [
        ({}, "smoke.requests[0].path is not set"),
        ({"path": "items"}, "must begin with /"),
        ({"path": "/a b"}, "must begin with /"),
        ({"path": "/a#b"}, "must begin with /"),
        ({"path": "/ä"}, "%-form"),
        ({"path": "/a\r\nHost: x"}, "must begin with /"),
        ({"path": "/", "method": "TRACE"}, "'GET', 'HEAD'"),
        ({"path": "/", "status": 99}, "must be at least 200"),
        ({"path": "/", "status": 10**30}, "must be at most 599"),
        ({"path": "/", "member": "a..b"}, "names and numbers with dots between"),
        ({"path": "/", "method": "HEAD", "text": "x"}, "an answer to HEAD has no body"),
        ({"path": "/", "status": 204, "member": "id"}, "an answer to 204 has no body"),
        ({"path": "/", "json": "id"}, "smoke.requests[0].json is no key"),
    ],
    ids=str,
)
def test_a_smoke_request_that_can_t_be_is_refused(
    request_: dict[str, Any], what_to_do: str
) -> None:
    """When it is read, and not in the middle of a rollout."""
    assert what_to_do in complaint(smoke={"requests": [request_]})
    assert "at most 10" in complaint(smoke={"requests": [{"path": "/"}] * 11})


@pytest.mark.parametrize(("section", "key"), [("rollout", "wiat"), ("smoke", "limit")])
def test_an_unknown_nested_key_is_named_with_its_path(section: str, key: str) -> None:
    """`rollout.wiat` differs from a key at the top."""
    assert f"flygate:{section}.{key} is no key" in complaint(**{section: {key: "1s"}})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"rollout": {"strateg": "canary"}},
            "flygate:rollout.strateg is no key. Did you mean rollout.strategy? Set it: "
            "pulumi config set --path rollout.strategy <value>, and remove this one: "
            "pulumi config rm --path rollout.strateg",
        ),
        (
            {"rollout": {"judge": {"zz": 1}}},
            "flygate:rollout.judge.zz is no key. Known: alpha, errors, ignore, latency, minimum. "
            "Remove it: pulumi config rm --path rollout.judge.zz",
        ),
        (
            {"smoke": {"requests": [{"path": "/", "pth": "/"}]}},
            "Set it: pulumi config set --path 'smoke.requests[0].path' <value>",
        ),
        (
            {"rollout.steps[0]": "2"},
            "flygate:rollout.steps[0] was set without --path, so it is a key of its own, which "
            "there is not. Set it: pulumi config set --path 'rollout.steps[0]' <value>, and remove "
            "this one: pulumi config rm 'rollout.steps[0]'",
        ),
        ({"rolout.strateg": "x"}, "Set it: pulumi config set --path rollout.strategy <value>"),
        ({"x.y": "x"}, "flygate:x.y is no key. Known: affinity, app,"),
        ({"secrts": "x"}, "Set it: pulumi config set --secret --path secrets.NAME, and"),
    ],
    ids=str,
)
def test_the_advice_is_the_key_that_was_meant(raw: dict[str, Any], said: str) -> None:
    """To repeat the mistake helps no operator."""
    assert said in complaint(**raw)


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00", "yesterday", True])
def test_a_time_has_its_zone(at: Any) -> None:
    """Without one it could not be compared with another."""
    receipt = {"stack": "staging", "release": "v1", "manifest": "a", "image": DIGEST}
    given = {"from": "staging", "at": "2026-01-01T00:00:00Z"}

    for wrong in (
        {**given, "at": at, "receipt": {**receipt, "healthy_since": "2026-01-01T00:00:00Z"}},
        {**given, "receipt": {**receipt, "healthy_since": at}},
    ):
        assert "it must be a time with its zone" in complaint(promotion=wrong)


def test_a_value_with_a_nul_is_refused() -> None:
    """The system would end it there. That of a secret is not shown."""
    assert "env.A has a NUL in it" in complaint(env={"A": "x\0y"})
    with pytest.raises(ConfigError, match=r"flygate:secrets\.A has a NUL in it") as error:
        config.load_secrets({"secrets": json.dumps({"A": "canary\0y"})})

    assert "canary" not in str(error.value)


def test_a_pin_without_a_manifest_says_which_part_is_missing() -> None:
    """A half-written section is refused as well."""
    assert "flygate:pin.manifest is not set" in complaint(pin={"version": "v7"})


def test_all_errors_are_reported_at_once() -> None:
    """An operator corrects a file once, not once for each error."""
    text = complaint(phase="9", machines="0", colour="red")

    assert len(text.splitlines()) == 4
    assert all(key in text for key in ("flygate:phase", "flygate:machines", "flygate:colour"))


@pytest.mark.parametrize("name", ["1A", "A-B", "A B", ""])
def test_a_name_that_no_variable_can_have_is_refused(name: str) -> None:
    """The machine's system would drop it without a word."""
    assert "not a name of an environment variable" in complaint(env={name: "x"})
    with pytest.raises(ConfigError, match="not a name of an environment variable"):
        config.load_secrets({"secrets": json.dumps({name: "x"})})


@pytest.mark.parametrize("name", ["FLY_REGION", "FLYGATE_RELEASE"])
def test_reserved_names_are_refused(name: str) -> None:
    """Variables of Fly and of Flygate can't be overridden."""
    assert f"env.{name}: names that begin with FLY_" in complaint(env={name: "x"})
    with pytest.raises(ConfigError, match=rf"flygate:secrets\.{name}: names that begin"):
        config.load_secrets({"secrets": json.dumps({name: "x"})})


def test_a_value_of_env_that_is_no_text_is_refused() -> None:
    """A list can't be a variable, and the message leads to the very name."""
    assert "flygate:env.A is" in complaint(env={"A": ["x"]})


def test_secrets_are_read_apart_from_the_configuration() -> None:
    """The secret map never enters the model that gets printed and hashed."""
    raw = {"app": "shop", "secrets": '{"KEY": "canary-value"}'}

    assert config.load_secrets(raw) == {"KEY": "canary-value"}
    assert "canary-value" not in repr(config.load(raw))
    assert config.load_secrets({}) == {}


@pytest.mark.parametrize("wrong", ['["canary-value"]', '{"KEY": {"canary": 1}}', "canary-value"])
def test_wrong_secrets_are_refused_without_being_quoted(wrong: str) -> None:
    """The error of a secret says what to do, and never the value that was found."""
    with pytest.raises(ConfigError, match=r"pulumi config set --secret") as error:
        config.load_secrets({"secrets": wrong})

    assert "canary" not in str(error.value)


def test_machines_and_structure_survive_a_json_text_that_is_no_json() -> None:
    """Text that only looks structured is judged as text, not swallowed."""
    assert 'flygate:env is "{broken"' in complaint(env="{broken")


@pytest.mark.parametrize(
    ("rollout", "path"),
    [
        ({"steps": [1.5, "100%"]}, "rollout.steps[0]"),
        ({"judge": {"ignore": ["memory", "smell"]}}, "rollout.judge.ignore[1]"),
    ],
)
def test_a_part_of_a_list_is_named_as_pulumi_takes_it(rollout: Any, path: str) -> None:
    """What is printed can be typed after `pulumi config set --path`."""
    assert {line.split()[0] for line in complaint(rollout=rollout).splitlines()[1:]} == {
        f"flygate:{path}"
    }


def test_a_command_with_a_path_is_one_that_a_shell_takes() -> None:
    """A part of a map needs --path, and brackets need quotes."""
    assert "pulumi config set --path pin.manifest <value>" in complaint(pin={"version": "v7"})


@pytest.mark.parametrize(
    ("steps", "expected"),
    [([2], (2, "100%")), (["10%", "100%"], ("10%", "100%")), ([], ("100%",))],
    ids=["as `--path 'rollout.steps[0]' 2` leaves it", "written out", "none"],
)
def test_the_last_step_need_not_be_said(steps: list[Any], expected: Any) -> None:
    """A release ends with all of its machines."""
    assert load(app="shop", rollout={"steps": steps}).rollout.steps == expected


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        (
            {"by": "clients", "strategy": "rolling"},
            'rollout.by is "clients"; it must be "machines" with the',
        ),
        (
            {"by": "clients", "steps": [1, "100%"]},
            'growing shares where clients move, such as ["1%"',
        ),
        ({"by": "clients", "steps": ["50%", "10%", "100%"]}, "must grow from step to step"),
        ({"by": "clients", "steps": ["10%", "10%", "100%"]}, "growing shares"),
        ({"by": "people"}, "'machines' or 'clients'"),
    ],
)
def test_what_a_canary_by_clients_can_not_do_is_refused(rollout: Any, said: str) -> None:
    """With what would be right."""
    found = complaint(app="shop", rollout=rollout)

    assert "flygate:rollout" in found
    assert said in found


def test_a_canary_by_clients_has_steps_of_its_own() -> None:
    """Two machines are enough for a first percent; the operator may choose others."""
    assert load(app="shop", rollout={"by": "clients"}).rollout.steps == CLIENT_STEPS
    chosen = load(app="shop", rollout='{"by": "clients", "steps": ["5%", "100%"]}')
    assert chosen.rollout.steps == ("5%", "100%")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("FLYGATE_SECRETS", "the secrets of all releases are in it"),
        ("PULUMI_COMMAND_STDOUT", "the secrets of all releases are in it"),
        ("NOT A NAME", "is no such name"),
    ],
)
def test_what_no_hook_gets_can_not_be_given(name: str, why: str) -> None:
    """Other variables of Flygate can: a hook may need the token of Fly."""
    assert why in complaint(rollout={"hooks": {"env": [name]}})
    given = config.load({"app": "shop", "rollout": {"hooks": {"env": ["FLY_API_TOKEN"]}}})
    assert given.rollout.hooks.env == ("FLY_API_TOKEN",)
