"""`flygate limiter`: an operator looks into a deployed limiter, frees a client, blocks one."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from tests.e2e.process_list import ProcessList
from tests.e2e.project import Project

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

# A block outlives the release that it was made in, so each test that needs a free client has one.
CLIENT, OTHER = "127.77.0.1", "127.77.0.2"


def limiter(project: Project, *arguments: str) -> list[dict[str, Any]]:
    """What the machines answered to `flygate limiter … --json`."""
    answers: list[dict[str, Any]] = json.loads(
        project.flygate("limiter", *arguments, "--json").ok().output
    )
    return answers


def exhaust(web: httpx.Client) -> None:
    """Ask until the service refuses."""
    statuses = [web.get("/").status_code for _ in range(15)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_without_a_token_it_says_how_to_set_one(project: Project) -> None:
    """The commands that set a token are printed; nothing is asked of the service."""
    run = project.flygate("limiter", "peek", "local", CLIENT)

    assert run.code == 1
    assert "pulumi config set --stack local --secret --path secrets.ADMIN_TOKEN" in run.output
    assert "Traceback" not in run.output


def test_a_token_that_is_not_deployed_is_explained(project: Project) -> None:
    """The running release has no admin API; the machine says so, and what to do."""
    project.config("secrets.ADMIN_TOKEN", secrets.token_urlsafe(32), secret=True)

    run = project.flygate("limiter", "policies", "local")

    assert run.code == 1
    assert "its release runs without ADMIN_TOKEN. Deploy: pulumi up" in run.output


def test_an_operator_peeks_frees_and_blocks(project: Project) -> None:
    """Peek shows an exhausted client, reset frees it, block stops it; no token is shown."""
    token = secrets.token_urlsafe(32)
    with ProcessList(token) as processes:
        project.config("secrets.ADMIN_TOKEN", token, secret=True)
        project.up().ok()
        machine = project.live()[0]["id"]

        [listed] = limiter(project, "policies", "local")
        assert listed["machine"] == machine
        assert listed["policies"][0]["name"] == "default"

        with project.web(CLIENT) as web, project.web(OTHER) as bystander:
            exhaust(web)
            [seen] = limiter(project, "peek", "local", CLIENT)
            assert seen["quota"] == "60/m burst 10"
            assert seen["remaining"] < 10
            [other] = limiter(project, "peek", "local", OTHER)
            assert other["remaining"] == 10

            exhaust(web)
            assert limiter(project, "reset", "local", CLIENT)[0]["was_known"] is True
            answers = [web.get("/").status_code for _ in range(10)]
            assert answers == [200] * 10

            limiter(project, "block", "local", CLIENT, "--for", "10m")
            refused = web.get("/")
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 500
            assert bystander.get("/").status_code == 200

            shown = project.flygate("limiter", "peek", "local", CLIENT).ok().output
            assert machine in shown
            assert CLIENT in shown

            limiter(project, "reset", "local", CLIENT)
            assert web.get("/").status_code == 200

        wrong = project.flygate("limiter", "peek", "local", CLIENT, "--policy", "no-such")
        assert wrong.code == 1
        assert "no-such" in wrong.output

    assert processes.looks > 20
    assert processes.found == []
    assert [text for text in project.outputs if token in text] == []


def test_each_machine_is_asked(project: Project) -> None:
    """With two machines both answer, each by its name, and a block holds on both."""
    project.config("secrets.ADMIN_TOKEN", secrets.token_urlsafe(32), secret=True)
    project.config("machines", "2")
    project.up().ok()

    blocked = limiter(project, "block", "local", CLIENT, "--for", "5m")

    live = {machine["id"] for machine in project.live()}
    assert len(live) == 2
    assert {answer["machine"] for answer in blocked} == live
    with project.web(CLIENT) as web:
        for machine in live:
            forced = web.get("/", headers={"fly-force-instance-id": machine})
            assert forced.status_code == 429


def test_an_operator_unlocks_an_account(project: Project) -> None:
    """After too many wrong passwords the right one is refused; unlocked, it logs in."""
    right = {"username": "ada@example.org", "password": "canary-password"}
    wrong = {**right, "password": "guess"}
    users = {"ada@example.org": PasswordHasher(1, 8, 1).hash(right["password"])}
    project.config("secrets.ADMIN_TOKEN", secrets.token_urlsafe(32), secret=True)
    project.config("secrets.LOGIN_USERS", json.dumps(users), secret=True)
    project.up().ok()

    with project.web(OTHER) as web:
        assert {web.post("/auth/login", json=wrong).status_code for _ in range(5)} == {401}
        assert web.post("/auth/login", json=right).status_code == 401

        [answer] = limiter(project, "unlock", "local", "ada@example.org", "--address", OTHER)

        assert answer["was_locked"] is True
        assert web.post("/auth/login", json=right).status_code == 200
