"""From `flygate init` to a service that runs, and the doctor at it: well, broken, mended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.e2e.installation import installed
from tests.e2e.project import Project, Run
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOKEN = "a-token-that-the-local-fly-insists-on"
PHRASE = "a phrase that is hard to guess"
FILE = "Pulumi.demo.yaml"


@dataclass
class Shell:
    """A shell in a fresh copy, with a Fly and a backend of its own, as a user would have set it.

    Attributes:
        variables: what was exported.
    """

    project: Project
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, extra: Mapping[str, str] | None = None) -> Run:
        """A command in that shell; what it prints has no secret of the environment."""
        script = '. .flygate/env; unset PULUMI_CONFIG_PASSPHRASE_FILE; eval "$EXPORTS"; exec "$@"'
        exports = {**self.variables, **(extra or {})}
        words = "; ".join(f"export {name}='{value}'" for name, value in exports.items())
        return self.project.run("/bin/sh", "-c", script, "sh", *command, extra={"EXPORTS": words})

    def init(self, *arguments: str) -> Run:
        """`flygate init demo`."""
        return self.run("./flygate", "init", "demo", *arguments)

    def doctor(self, **extra: str) -> dict[str, str]:
        """What `flygate doctor demo` calls broken, by check; its exit code agrees."""
        run = self.run("./flygate", "doctor", "demo", "--json", extra=extra)
        reported: dict[str, Any] = json.loads(run.output)
        broken = [each for each in reported["findings"] if each["verdict"] == "broken"]
        assert all(each["remedy"] for each in broken)
        assert (run.code, reported["broken"]) == (1 if broken else 0, len(broken))
        return {each["check"]: each["text"] for each in broken}

    def fly(self, method: str, path: str, **body: object) -> Any:
        """What a user does to the local Fly by hand."""
        url = self.variables["FLY_FLAPS_BASE_URL"]
        assert url.startswith("http://127.0.0.1:")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.request(
            method, f"{url}{path}", json=body or None, headers=headers, trust_env=False
        )
        return answer.raise_for_status().json() if answer.content else None

    @property
    def text(self) -> str:
        """The stack's file."""
        path = self.project.path / FILE
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A fresh copy; its local Fly wants a token and misbehaves on demand."""
    project = installed(tmp_path_factory.mktemp("init") / "my shop", tmp_path_factory)
    up = ("local", "up", "--api-port", "0", "--proxy-port", "0", "--faults", "--token")
    try:
        project.run("./flygate", *up, extra={"FLY_API_TOKEN": TOKEN}).ok()
        info = json.loads((project.path / ".flygate/local/daemon.json").read_text())
        (project.path / "elsewhere").mkdir()
        variables = {
            "FLY_API_BASE_URL": info["api_url"],
            "FLY_FLAPS_BASE_URL": info["api_url"],
            "FLYGATE_DNS": info["dns"],
            "FLY_API_TOKEN": TOKEN,
            "PULUMI_BACKEND_URL": f"file://{project.path}/elsewhere",
            "PULUMI_CONFIG_PASSPHRASE": PHRASE,
        }
        yield Shell(project, variables)
    finally:
        project.flygate("local", "down")


@pytest.fixture(scope="module")
def demo(shell: Shell) -> Shell:
    """The same with an environment `demo` that was made and deployed."""
    shell.init("--app", "shop-demo", "--no-input").ok()
    shell.run("pulumi", "up", "--stack", "demo", "--yes", "--skip-preview").ok()
    return shell


def test_what_is_refused_writes_nothing(shell: Shell) -> None:
    """A wrong token, no passphrase, no name: no file, no stack, and it is said what to do."""
    wrong = {"FLY_API_TOKEN": "another-token"}
    refused = shell.run("./flygate", "init", "demo", "--app", "a-shop", "--no-input", extra=wrong)
    assert (refused.code, "Fly does not accept the token" in refused.output) == (1, True)
    assert "another-token" not in refused.output

    no_phrase = {"PULUMI_CONFIG_PASSPHRASE": ""}
    refused = shell.run(
        "./flygate", "init", "demo", "--app", "a-shop", "--no-input", extra=no_phrase
    )
    assert (refused.code, "export PULUMI_CONFIG_PASSPHRASE" in refused.output) == (1, True)

    assert "--app <name>" in shell.init("--no-input").output
    assert shell.text == ""
    assert "demo" not in shell.run("pulumi", "stack", "ls").ok().output


def test_a_person_is_asked_and_may_think_better_of_it(shell: Shell) -> None:
    """A wrong answer is asked for again; a no to the last question leaves nothing."""
    command = "env -u PULUMI_CONFIG_PASSPHRASE_FILE ./flygate init demo"
    exports = "; ".join(f"export {name}='{value}'" for name, value in shell.variables.items())
    with Terminal(shell.project, f'/bin/sh -c "{exports}; exec {command}"') as screen:
        screen.wait_for("(--app) [my-shop-demo]: ")
        screen.press("No Such Name\r")
        screen.wait_for("must be 2 to 63 lower-case letters")
        screen.press("shop-demo\r")
        for flag, proposal in (("org", "personal"), ("region", "iad"), ("phase", "1")):
            screen.wait_for(f"(--{flag}) [{proposal}]: ")
            screen.press("\r")
        screen.wait_for("Write Pulumi.demo.yaml? [Y/n]: ")
        screen.press("n\r")
        assert screen.process.wait(30) == 1

    assert "shop-demo is free" in screen.seen
    assert shell.text == ""
    assert "demo" not in shell.run("pulumi", "stack", "ls").ok().output


def test_an_environment_comes_up_as_it_was_chosen(demo: Shell) -> None:
    """The file is whole and commented, its secrets work in the service, the doctor is content."""
    assert "flygate:app: shop-demo" in demo.text
    assert "# Choose: the slug of your Fly organisation." in demo.text
    assert demo.text.count("secure: v1:") == 3
    assert demo.doctor() == {}

    policies = demo.run("./flygate", "limiter", "policies", "demo").ok()

    assert "default" in policies.output
    get = ("pulumi", "config", "get", "--stack", "demo", "--path", "secrets.ADMIN_TOKEN")
    token = demo.run(*get).ok().output.strip()
    earlier = demo.project.outputs[:-1]
    assert len(token) >= 40
    assert not [output for output in earlier if token in output or PHRASE in output]


def test_a_second_init_changes_nothing(demo: Shell) -> None:
    """Not a byte; and another app by that name is refused."""
    before = demo.text

    assert "is complete; nothing was changed" in demo.init("--no-input").ok().output
    refused = demo.init("--app", "other", "--no-input")

    assert (refused.code, "app is shop-demo, not other" in refused.output) == (1, True)
    assert demo.text == before


def test_an_older_environment_gets_what_this_version_needs(demo: Shell) -> None:
    """Only that."""
    before = demo.text
    path = ("--stack", "demo", "--path", "secrets.LOGIN_SECRET")
    demo.run("pulumi", "config", "rm", *path).ok()

    reported = json.loads(demo.init("--json").ok().output)

    assert (reported["secrets"], reported["keys"], reported["made_stack"]) == (
        ["LOGIN_SECRET"],
        [],
        False,
    )
    secret = "LOGIN_SECRET"
    assert [
        line for line in before.splitlines() if "secure" not in line and secret not in line
    ] == [line for line in demo.text.splitlines() if "secure" not in line and secret not in line]


def test_the_doctor_names_what_is_broken_and_how_to_mend_it(demo: Shell) -> None:
    """A wrong passphrase, a wrong token, a clock, a machine: each by its own name."""
    assert list(demo.doctor(PULUMI_CONFIG_PASSPHRASE="wrong")) == ["backend"]
    assert list(demo.doctor(FLY_API_TOKEN="wrong")) == ["token"]
    assert list(demo.doctor(FLY_FLAPS_BASE_URL="http://127.0.0.1:1")) == ["fly"]

    [machine] = demo.fly("GET", "/v1/apps/shop-demo/machines")
    demo.fly("DELETE", f"/v1/apps/shop-demo/machines/{machine['id']}?force=true")
    assert list(demo.doctor()) == ["machines"]
    demo.run("pulumi", "up", "--stack", "demo", "--yes", "--skip-preview").ok()
    assert demo.doctor() == {}

    demo.fly("POST", "/_faults/clock", advance_seconds=120)
    assert "behind Fly's" in demo.doctor()["clock"]
