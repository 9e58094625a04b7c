"""A Redis that costs money is named until it is gone, and never goes while a machine needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.project import Project, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STACK, APP = "paid", "shop-paid"
REDIS, LIMITS, OWN = f"{APP}-redis", "shop-limits", "of-our-own"
FIRST = {
    "app": APP,
    "phase": "3",
    "machines": "1",
    "rollout.drain": "0s",
    "rollout.wait": "30s",
    "rollout.strategy": "bluegreen",
    "rollout.soak": "0s",
    "rollout.standby": "0s",
    # The gate of requests fails: nothing is released.
    "smoke.requests[0].path": "/no-such-page",
}


@pytest.fixture(scope="module")
def stack(newcomer: Any) -> Iterator[Stack]:
    """A stack of phase 3 whose first release has failed."""
    made = Stack(newcomer.project)
    made.pulumi("stack", "init", STACK, "--no-select").ok()
    for key, value in FIRST.items():
        made.config(key, value)
    try:
        failed = made.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
        assert "smoke check of" in failed.output
        yield made
    finally:
        made.pulumi("destroy", "--yes", "--stack", STACK)
        for name in made.names():
            made.graphql(f'mutation{{deleteAddOn(input:{{name:"{name}"}}){{deletedAddOnName}}}}')
        made.pulumi("stack", "rm", STACK, "--yes", "--force")


class Stack:
    """The stack, in a shell that has read `.flygate/env`."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def run(self, *words: str, extra: dict[str, str] | None = None) -> Run:
        script = '. .flygate/env && exec "$@"'
        return self.project.run("/bin/sh", "-c", script, "sh", *words, extra=extra)

    def pulumi(self, *words: str) -> Run:
        return self.run("pulumi", *words)

    def config(self, key: str, value: str) -> None:
        self.pulumi("config", "set", "--stack", STACK, "--path", key, value).ok()

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK).ok()

    def status(self) -> str:
        return self.run("./flygate", "status", STACK).ok().output

    def doctor(self) -> dict[str, str]:
        """The remedy of each finding about Redis, by its text."""
        reported = json.loads(self.run("./flygate", "doctor", STACK, "--json").output)
        return {
            each["text"]: each["remedy"]
            for each in reported["findings"]
            if each["check"] == "redis"
        }

    def destroy(self, *words: str) -> Run:
        return self.run("./flygate", "redis", "destroy", STACK, *words)

    def graphql(self, query: str) -> Any:
        """What a user asks Fly, past Flygate."""
        return self._fly("POST", "/graphql", query=query)["data"]

    def names(self) -> list[str]:
        """The Redis databases that there are."""
        found = self.graphql("{addOns(type:upstash_redis){nodes{name}}}")["addOns"]["nodes"]
        return sorted(node["name"] for node in found)

    def url(self, name: str) -> str:
        """Of a Redis."""
        query = f'{{addOn(name:"{name}",provider:"upstash_redis"){{publicUrl}}}}'
        return str(self.graphql(query)["addOn"]["publicUrl"])

    def use(self, app: str, url: str) -> None:
        """Another app, with a machine whose environment names a Redis."""
        self._fly("POST", "/v1/apps", name=app, org_slug="personal")
        config = {"image": "nginx:1", "env": {"QUEUE": url}}
        self._fly("POST", f"/v1/apps/{app}/machines", name="worker", config=config)

    def forget(self, app: str) -> None:
        self._fly("DELETE", f"/v1/apps/{app}?force=true")

    def _fly(self, method: str, path: str, **body: object) -> Any:
        answer = httpx.request(
            method,
            f"{self.project.local_fly()}{path}",
            json=body or None,
            headers=self.project.authorization,
            trust_env=False,
            timeout=30,
        )
        return answer.raise_for_status().json() if answer.content else None


def test_a_first_release_that_fails_leaves_a_redis_that_is_named(stack: Stack) -> None:
    """By status and doctor, with its price and the command; that command removes it."""
    costs = f"{REDIS} (fixed_250mb in iad) costs $10.00 a month; "
    costs += "nothing that needs it was released yet"
    assert f"Redis {costs}: `flygate redis destroy {STACK}` destroys it" in stack.status()
    assert stack.doctor()[costs] == f"flygate redis destroy {STACK}"

    refused = stack.destroy()
    assert (refused.code, "That is not its name; nothing was destroyed" in refused.output) == (
        1,
        True,
    )
    assert stack.names() == [REDIS]

    said = stack.destroy("--yes").ok().output
    assert f"The Redis {REDIS} is gone." in said
    assert "the next `pulumi up --stack paid` makes a new one" in said
    assert stack.names() == []
    again = stack.destroy("--yes")
    assert again.code == 1
    assert f"{STACK} has no Redis {REDIS} on Fly" in again.output
    assert "costs" not in stack.status()


def test_a_former_redis_is_found_and_kept_while_it_is_used(stack: Stack) -> None:
    """Another name, and a Redis of one's own: each time the former one can go afterwards only."""
    stack.pulumi("config", "rm", "--stack", STACK, "--path", "smoke.requests").ok()
    stack.up()
    used = f"Redis {REDIS} (fixed_250mb in iad) costs $10.00 a month\n"
    assert used in stack.status()
    assert "keep their limits in the Redis" in stack.destroy("--yes").output

    # Named otherwise, but not deployed yet: what runs has the former one.
    stack.config("redis.name", LIMITS)
    former = f"`flygate redis destroy {STACK} --name {REDIS}` destroys it"
    assert f"the stack had it under a former configuration: {former}" in stack.status()
    assert f"{STACK} has no Redis {LIMITS} on Fly" in stack.destroy("--yes").output
    assert "keep their limits in the Redis" in stack.destroy("--name", REDIS, "--yes").output
    assert stack.names() == [REDIS]

    stack.up()
    assert former in stack.status()
    assert f"flygate redis destroy {STACK} --name {REDIS}" in stack.doctor().values()
    assert f"The Redis {REDIS} is gone." in stack.destroy("--name", REDIS, "--yes").ok().output
    assert stack.names() == [LIMITS]
    assert "keep their limits in the Redis" in stack.destroy("--yes").output

    # A Redis of its own, which Flygate never touches.
    stack.graphql(
        f'mutation{{createAddOn(input:{{name:"{OWN}",type:upstash_redis}}){{addOn{{id}}}}}}'
    )
    script = '. .flygate/env && printf %s "$URL" | pulumi config set --secret --path redis.url'
    command = ("/bin/sh", "-c", f"{script} --stack {STACK}")
    stack.project.run(*command, extra={"URL": stack.url(OWN)}).ok()
    assert "keep their limits in the Redis" in stack.destroy("--yes").output
    stack.up()
    assert (
        f"{LIMITS} (fixed_250mb in iad) costs $10.00 a month; the configuration" in stack.status()
    )
    planned = stack.run("./flygate", "plan", STACK).ok().output
    assert f"costs $10.00 a month; `flygate redis destroy {STACK}` removes it" in planned
    refused = stack.destroy("--name", OWN, "--yes")
    assert (
        refused.code,
        f"Nothing says that {STACK} ever had a Redis {OWN}" in refused.output,
    ) == (
        1,
        True,
    )

    stack.use("blog", stack.url(LIMITS))
    refused = stack.destroy("--yes")
    assert (refused.code, "worker of blog keep their limits" in refused.output) == (1, True)
    stack.forget("blog")
    stack.destroy("--yes").ok()
    assert stack.names() == [OWN]
    assert stack.url(OWN).split("@")[0] not in "".join(stack.project.outputs)


def test_an_empty_name_is_no_name(stack: Stack) -> None:
    """`--name "$REDIS"` with an unset variable does not mean the present one."""
    for words in (("--name", ""), ("--name=",)):
        refused = stack.destroy(*words, "--yes")
        assert (refused.code, "The value of --name is empty" in refused.output) == (64, True)
