"""The manifest: what makes it another one, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from flygate import manifest
from flygate.config import StackConfig
from flygate.flytoml import FlyToml
from flygate.manifest import Manifest
from flygate.system.errors import ConfigError

from tests.infra.builders import DIGEST, IMAGE

TOML: dict[str, Any] = {
    "primary_region": "ams",
    "env": {"GREETING": "hello"},
    "http_service": {"internal_port": 8080},
}


def build(secrets: tuple[str, ...] = (), toml: Any = None, **stack: Any) -> Manifest:
    return manifest.build(
        StackConfig(app="shop", **stack), FlyToml.of(TOML if toml is None else toml), IMAGE, secrets
    )


def test_the_parts_come_together() -> None:
    """fly.toml is the base, the phase lies over it, the stack's own values over both."""
    built = build(phase=2, env={"GREETING": "good day", "RATE_LIMIT_RPM": "90"})

    assert built.env == {
        "GREETING": "good day",
        "RATE_LIMIT_RPM": "90",
        "RATE_LIMIT_AFFINITY": "on",
        "RATE_LIMIT_MACHINES": "2",
        "RATE_LIMIT_STORAGE": "memory",
        "FLY_PROCESS_GROUP": "app",
        "PRIMARY_REGION": "ams",
    }
    assert built.config["guest"]["memory_mb"] == 512
    assert built.config["services"][0]["autostop"] == "suspend"
    assert (built.image, built.phase, built.machines, built.regions) == (IMAGE, 2, 2, ("ams",))


def test_the_stack_overrides_the_phase_and_fly_toml() -> None:
    """A value in the stack's configuration always wins."""
    built = build(machines=3, regions=("fra", "iad"), smoke={"limiter": False})

    assert (built.machines, built.regions, built.count) == (3, ("fra", "iad"), 6)
    assert built.gates.limiter is False


def test_a_quota_is_shared_by_the_machines_of_all_regions() -> None:
    """So much of it each has while Redis can't be asked."""
    built = build(phase=3, regions=("fra", "iad"))

    assert built.env["RATE_LIMIT_MACHINES"] == "12"
    assert built.env["RATE_LIMIT_STORAGE"] == "redis"


@pytest.mark.parametrize("where", ["stack", "fly.toml"])
def test_sliding_windows_have_no_affinity(where: str) -> None:
    """They can't be handed over; the service would refuse to start."""
    window = {"RATE_LIMIT_ALGORITHM": "sliding_window"}
    toml = {**TOML, "env": window} if where == "fly.toml" else TOML
    env = window if where == "stack" else {}

    built = build(toml=toml, phase=2, env=env)

    assert built.env["RATE_LIMIT_AFFINITY"] == "off"
    assert "http_options" not in built.config["services"][0]["ports"][0]
    with pytest.raises(ConfigError, match="pulumi config rm affinity"):
        build(toml=toml, phase=2, env=env, affinity=True)


def test_more_secrets_make_another_manifest() -> None:
    """Their names are part of the public half, in their places."""
    assert build(("A", "Z")).with_secrets(["M"]) == build(("A", "M", "Z"))
    assert build(("A",)).with_secrets([]) == build(("A",)).with_secrets(["A"]) == build(("A",))


def test_durations_of_the_rollout_become_gates() -> None:
    """What the operator set is what the rollout waits."""
    built = build(rollout={"wait": "30s", "drain": "1s"})

    assert (built.gates.wait, built.gates.drain) == ("30s", "1s")


def test_a_stack_without_any_region_is_asked_for_one() -> None:
    """There is no region to guess."""
    with pytest.raises(ConfigError, match=r"primary_region in fly\.toml"):
        build(toml={"http_service": {"internal_port": 8080}})


def test_a_name_that_is_both_plain_and_secret_is_refused() -> None:
    """The secret would win without a word."""
    with pytest.raises(ConfigError, match=r"^A, B: set under both flygate:env and flygate:secrets"):
        build(("B", "A", "C"), env={"A": "1", "B": "2"})


def test_a_secret_may_replace_a_variable_of_fly_toml() -> None:
    """Only what the stack itself says twice is a contradiction."""
    assert build(("GREETING",)).secrets == ("GREETING",)


def test_the_order_of_secret_names_does_not_matter() -> None:
    """Names are sorted, so that no map's order makes another manifest."""
    assert build(("B", "A")) == build(("A", "B"))


def test_the_id_follows_every_part_of_the_public_half() -> None:
    """Whatever is different is another manifest, with another name."""
    variants = [
        build(),
        build(("A",)),
        build(phase=2),
        build(machines=2),
        build(regions=("fra",)),
        build(env={"A": "1"}),
        build(rollout={"drain": "1s"}),
        build(smoke={"limiter": False}),
        build(smoke={"restart": False}),
        build().model_copy(update={"image": f"registry.fly.io/other@{DIGEST}"}),
    ]

    assert len({variant.id("set") for variant in variants}) == len(variants)


def test_the_id_follows_the_secret_set_and_nothing_else() -> None:
    """Equal manifests have equal ids; another secret set makes another one."""
    assert build().id("one") == build().id("one")
    assert build().id("one") != build().id("two")
    assert len(build().id("one")) == 12


def test_files_of_one_group_keep_the_ids_of_before_there_were_several() -> None:
    """Or each app would be released anew, and no former release be known."""
    alone: dict[str, Any] = {"primary_region": "iad", "processes": {"worker": "work"}}

    assert build(("A",)).id("set") == "1637ad9b206f"
    assert build(("A",), phase=3, regions=("fra", "iad")).id("set") == "7d53dcaf08ca"
    assert build(("A",), alone).id("set") == "348a12ceab09"


def test_the_id_follows_groups_volumes_and_the_release_command() -> None:
    """A change of any of them is another release."""
    groups = {**TOML, "processes": {"web": "serve", "worker": "work"}}
    groups["http_service"] = {"internal_port": 8080, "processes": ["web"]}
    mount = {"source": "data", "destination": "/data"}
    variants = [
        build(),
        build(toml=groups),
        build(toml=groups, count={"worker": 2}),
        build(toml=groups, rollout={"in_place": ("worker",)}),
        build(toml={**groups, "processes": {"web": "serve", "worker": "work more"}}),
        build(toml={**TOML, "mounts": [mount]}),
        build(toml={**TOML, "mounts": [{**mount, "initial_size": 2}]}),
        build(toml={**TOML, "deploy": {"release_command": "migrate"}}),
        build(toml={**TOML, "deploy": {"release_command": "migrate --all"}}),
    ]

    assert len({variant.id("set") for variant in variants}) == len(variants)
    for built in variants:
        assert Manifest.model_validate_json(built.model_dump_json()) == built


def test_the_id_survives_the_trip_through_json() -> None:
    """The Command gets the manifest as JSON and must come to the same id."""
    built = build(("A",), env={"A2": "ä"}, regions=("fra", "iad"))

    assert Manifest.model_validate_json(built.model_dump_json()).id("s") == built.id("s")


def test_canonical_json_does_not_depend_on_order() -> None:
    """Two dicts that are equal are one text."""
    assert manifest.canonical({"b": 1, "a": [1, {"d": 1, "c": 2}]}) == manifest.canonical(
        {"a": [1, {"c": 2, "d": 1}], "b": 1}
    )


def test_clients_can_only_move_if_each_has_a_machine() -> None:
    """Without sticky sessions there would be no share of them; the message says what to do."""
    choices: list[Any] = [{"affinity": False}, {"env": {"RATE_LIMIT_AFFINITY": "off"}}]
    for off in choices:
        with pytest.raises(ConfigError, match="pulumi config set affinity true"):
            build(phase=2, rollout={"by": "clients"}, **off)

    assert build(phase=2, rollout={"by": "clients"}).rollout.by == "clients"
