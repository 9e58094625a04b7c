"""From phase to phase by one value: Redis is made once, and nothing of it is ever lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

APP = "flygate-local"
REDIS = f"{APP}-redis"
# Inside a machine: what it keeps its limits in, and what Redis holds.
ENVIRONMENT = (
    "import json, os; print(json.dumps({name: os.environ.get(name, '') for name in "
    "('RATE_LIMIT_STORAGE', 'RATE_LIMIT_AFFINITY', 'RATE_LIMIT_MACHINES', 'REDIS_URL')}))"
)
REDIS_SAYS = (
    "import json, os, redis; r = redis.from_url(os.environ['REDIS_URL']); print(json.dumps({}))"
)


@pytest.fixture
def grown(project: Project) -> Iterator[Project]:
    """The project; what a failed test left of Redis is gone after it."""
    yield project
    if names(project):
        project.reset()
        project.up().ok()
        project.flygate("redis", "destroy", "local", "--yes").ok()


def test_growing_and_shrinking_is_one_value(grown: Project) -> None:
    """Phase 3 makes Redis once and attaches it; nothing but one command ever takes it away."""
    with Load(grown.web) as load:
        grown.config("phase", "3")
        assert f"Redis {REDIS} is made: fixed_250mb in iad" in grown.up().ok().output
        assert len(grown.live()) == 6
        environment = grown.inside(grown.live()[0]["id"], ENVIRONMENT)
        url = environment.pop("REDIS_URL")
        assert environment == {
            "RATE_LIMIT_STORAGE": "redis",
            "RATE_LIMIT_AFFINITY": "off",
            "RATE_LIMIT_MACHINES": "6",
        }
        in_redis(grown, "r.set('kept', 'yes')")
        assert "7 unchanged" in grown.up().ok().output
        refused = grown.flygate("redis", "destroy", "local", "--yes")
        assert (refused.code, "keep their limits in" in refused.output) == (1, True)

        # Phase 1 as it was, but with the URL, so that it can take the limits over.
        grown.flygate("rollback", "local").ok()
        assert keeps(grown, url)

        grown.config("phase", "2")
        reported = grown.flygate("forward", "local").ok().output
        assert re.search(rf"{REDIS} stays, .* costs \$10\.00 a month", reported)
        assert len(grown.live()) == 2
        assert keeps(grown, url)

        graphql(grown, f'mutation{{resetAddOnPassword(input:{{name:"{REDIS}"}}){{addOn{{id}}}}}}')
        assert "~ secret REDIS_URL" in grown.up().ok().output
        rotated = grown.inside(grown.live()[0]["id"], ENVIRONMENT)["REDIS_URL"]
        assert rotated != url
        assert keeps(grown, rotated)

        grown.flygate("redis", "destroy", "local", "--yes").ok()
        assert f"found: the Redis {REDIS} is gone" in grown.up().ok().output
        assert not grown.inside(grown.live()[0]["id"], ENVIRONMENT)["REDIS_URL"]
        assert "5 unchanged" in grown.up().ok().output

    assert load.failures == []
    assert load.served > 0
    assert names(grown) == []
    for seen in (url, rotated):
        assert_no_trace(seen.split("@")[0].split(":")[-1], grown)


def keeps(project: Project, url: str) -> bool:
    """The machines keep their limits in memory, and know the Redis, which has its data."""
    environment = project.inside(project.live()[0]["id"], ENVIRONMENT)
    assert (environment["RATE_LIMIT_STORAGE"], environment["REDIS_URL"]) == ("memory", url)
    return in_redis(project, "r.get('kept').decode()") == "yes"


def in_redis(project: Project, expression: str) -> object:
    """What Redis says to a machine."""
    script = REDIS_SAYS.replace("json.dumps({})", f"json.dumps({{'said': {expression}}})")
    return project.inside(project.live()[0]["id"], script)["said"]


def graphql(project: Project, query: str) -> httpx.Response:
    """What a user asks Fly, past Pulumi."""
    return httpx.post(
        f"{project.local_fly()}/graphql",
        json={"query": query},
        headers=project.authorization,
        trust_env=False,
    ).raise_for_status()


def names(project: Project) -> list[str]:
    """The Redis databases that there are."""
    answer = graphql(project, "{addOns(type:upstash_redis){nodes{name}}}").json()
    return [node["name"] for node in answer["data"]["addOns"]["nodes"]]


def assert_no_trace(password: str, project: Project) -> None:
    """It is in no output of a command, no state, backup, journal or note."""
    assert len(password) > 20
    assert not any(password in text for text in project.outputs)
    found = []
    for path in project.path.rglob("*"):
        inside = path.relative_to(project.path).parts
        # The local Fly's own folder stands for Fly: it runs the Redis, and must know.
        if inside[0] == ".venv" or inside[:2] == (".flygate", "local") or not path.is_file():
            continue
        if password.encode() in path.read_bytes():
            found.append(str(path))
    assert found == []
