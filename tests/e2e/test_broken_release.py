"""A release that is no good: nothing of it stays, and the one before serves all the time."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def does_not_start(project: Project) -> None:
    """The service dies at its start."""
    project.append(
        "service/flygate_service/app.py", 'raise RuntimeError("the flux capacitor is empty")'
    )


def check_fails(project: Project) -> None:
    """The service starts, and its health check is never answered well."""
    project.edit("fly.toml", 'path = "/readyz"', 'path = "/no-such-page"')
    project.config("rollout.wait", "4s")


def limiter_is_off(project: Project) -> None:
    """The service is healthy, and limits no client, by its code: a setting is refused."""
    project.append(
        "service/flygate_service/middleware/rate_limit.py",
        "RateLimitMiddleware.__call__ = lambda self, *arguments: self._app(*arguments)",
    )


@pytest.mark.parametrize(
    ("break_it", "explained"),
    [
        (does_not_start, ["health check of", "exit code 1", "the flux capacitor is empty"]),
        (
            check_fails,
            ["health check of", "checks do not pass after 4 s", "servicecheck-00-http-8080"],
        ),
        (limiter_is_off, ["smoke check of", "the limiter does not limit", "RATE_LIMIT_MODE"]),
    ],
)
def test_it_is_taken_back(
    project: Project, break_it: Callable[[Project], None], explained: list[str]
) -> None:
    """Pulumi fails and says why; no request fails; ledger and machines are as before."""
    release = project.outputs_of("release")
    machines, history = project.kept(), project.history()
    break_it(project)

    with Load(project.web) as load:
        run = project.up()

    assert run.code != 0
    for words in explained:
        assert words in run.output
    assert f"{release} serves as before" in run.output
    assert load.failures == []
    assert load.served > 20
    assert project.history() == history
    assert project.kept() == machines
    assert machine_count(project) == len(machines)


def machine_count(project: Project) -> int:
    """How many machines the local Fly knows, ours or not."""
    url = f"{project.local_fly()}/v1/apps/{project.outputs_of('app')}/machines"
    return len(httpx.get(url, headers=project.authorization, trust_env=False).json())
