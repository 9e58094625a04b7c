"""Settings that the service would refuse, or that would do less than they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flygate.system.errors import ConfigError

from tests.infra.flytoml.test_cases import HEAD, WEB, manifest_of, plan

WORKER = HEAD + "[env]\nRATE_LIMIT_MODE = 'shadow'\n"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            {"RATE_LIMIT_RPM": "many"},
            'flygate:env.RATE_LIMIT_RPM is "many"; the service takes a whole number from 1 to',
        ),
        ({"METRICS_PORT": "99999"}, "takes a whole number from 0 to 65535"),
        ({"SERVICE_MAX_REQUESTS_PER_CLIENT": 501}, "from 1 to 500, as SERVICE_MAX_REQUESTS is 500"),
        ({"RATE_LIMIT_FAILURE": "x\ny" * 99}, "(398 characters); the service takes fair_share, "),
        ({"ADMIN_TOKEN": "short"}, "env.ADMIN_TOKEN is too short; the service takes 24 characters"),
        ({"RATE_LIMIT_MODE": "off"}, "flygate:env.RATE_LIMIT_MODE is off, which refuses no"),
        (
            {"RATE_LIMIT_MODE": "shadow"},
            "flygate:env.RATE_LIMIT_MODE is shadow, which refuses no request, and "
            "flygate:smoke.limiter is true, which wants proof that one is refused. For a trial: "
            "`pulumi config set --path smoke.limiter false`.",
        ),
    ],
    ids=str,
)
def test_what_the_service_refuses_the_plan_refuses(
    env: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """In one line, before a machine is made."""
    with pytest.raises(ConfigError) as error:
        plan(HEAD + WEB, tmp_path, env=env)

    (line,) = str(error.value).splitlines()
    assert said in line


def test_a_setting_of_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    """There it is to be changed."""
    with pytest.raises(ConfigError, match=r'^fly\.toml:6: env\.RATE_LIMIT_BURST is "0"; the serv'):
        plan(HEAD + WEB + "[env]\nRATE_LIMIT_BURST = 0\n", tmp_path)


@pytest.mark.parametrize(
    ("text", "stack"),
    [
        (HEAD + WEB, {"smoke": {"limiter": False}, "env": {"RATE_LIMIT_MODE": "shadow"}}),
        (HEAD + WEB, {"rollout": {"strategy": "immediate"}, "env": {"RATE_LIMIT_MODE": "shadow"}}),
        (
            HEAD + WEB,
            {"env": {"RATE_LIMIT_MODE": "shadow", "RATE_LIMIT_POLICIES": "policies.toml"}},
        ),
        (WORKER, {}),
        (HEAD + WEB, {"smoke": {"limiter": False}, "env": {"RATE_LIMIT_MODE": "off"}}),
        (HEAD + WEB, {"env": {"RATE_LIMIT_RPM": " 5 ", "RATE_LIMIT_BURST": ""}}),
    ],
    ids=str,
)
def test_what_works_is_taken(text: str, stack: dict[str, Any], tmp_path: Path) -> None:
    """Without the proof, or where it is never asked for."""
    assert manifest_of(plan(text, tmp_path, **stack)).app == "shop"


def test_a_variable_that_may_be_another_application_s_is_noted(tmp_path: Path) -> None:
    """Without the proof of the limiter, the image may not run the service at all."""
    foreign = {"smoke": {"limiter": False}, "env": {"TRUSTED_PROXIES": "*"}}

    (note,) = plan(HEAD + WEB, tmp_path, **foreign).notes

    assert 'flygate:env.TRUSTED_PROXIES is "*"; the service takes networks' in note
    with pytest.raises(ConfigError, match="RATE_LIMIT_RPM"):
        plan(HEAD + WEB, tmp_path, smoke={"limiter": False}, env={"RATE_LIMIT_RPM": "many"})


def test_limits_that_are_lost_are_noted(tmp_path: Path) -> None:
    """As of the stack's own keys."""
    off = {"env": {"RATE_LIMIT_AFFINITY": "off"}}

    (note,) = plan(HEAD + WEB, tmp_path, phase=2, **off).notes
    assert "env.RATE_LIMIT_AFFINITY is off" in note
    assert "from each of 2 machines" in note
    assert "`pulumi config rm --path env.RATE_LIMIT_AFFINITY`" in note
    assert plan(HEAD + WEB, tmp_path, phase=1, **off).notes == ()
    (unused,) = plan(HEAD + WEB, tmp_path, phase=3, env={"RATE_LIMIT_STORAGE": "memory"}).notes
    assert "nothing uses that Redis. Make them one: `pulumi config set storage memory`" in unused


def test_the_primary_region_needs_no_line_in_the_file(tmp_path: Path) -> None:
    """Machines stay awake in the stack's first region."""
    asked = plan("app = 'case'\n" + WEB, tmp_path, regions=["fra", "iad"])

    assert manifest_of(asked).env["PRIMARY_REGION"] == "fra"
