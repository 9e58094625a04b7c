"""Bring your own app: Datasette, wrapped and limited per route, on the local Fly."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import http_sf
import httpx
import pytest
from flygate.fly.web import address

from tests.e2e import catalog
from tests.e2e.project import Project

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]


@pytest.fixture
def deployed(project: Project) -> Iterator[Project]:
    """The project with the catalog deployed instead of the demo API."""
    catalog.write(project.path / "catalog")
    project.config("source", '["service","catalog"]')
    project.config("env.SERVICE_APP", "catalog.web:app()")
    project.config("env.RATE_LIMIT_POLICIES", "catalog/policies.toml")
    try:
        project.up().ok()
        yield project
    finally:
        shutil.rmtree(project.path / "catalog")


def client(project: Project, source: str) -> httpx.Client:
    """A client of the deployed service with an address of its own."""
    base, headers = address(project.outputs_of("url"))
    assert base.startswith("http://127.0.0.1:")
    transport = httpx.HTTPTransport(local_address=source)
    return httpx.Client(base_url=base, headers=headers, transport=transport, timeout=20)


def until_refused(web: httpx.Client, path: str) -> list[httpx.Response]:
    """Ask until the limiter refuses, at most a hundred times."""
    answers: list[httpx.Response] = []
    while len(answers) < 100 and (not answers or answers[-1].status_code != 429):
        answers.append(web.get(path))
    return answers


def remaining(answer: httpx.Response) -> dict[str, int]:
    """Policy → units left, as a structured-fields parser reads the RateLimit field."""
    items: Any = http_sf.parse(answer.headers["ratelimit"].encode(), tltype="list")
    return {name: fields["r"] for name, fields in items}


def test_an_application_that_we_did_not_write_is_limited_per_route(deployed: Project) -> None:
    """Its pages, JSON and streamed CSV arrive whole; each route has its own quota."""
    with client(deployed, "127.77.1.1") as web:
        page = web.get("/")
        assert "fruit" in page.text
        assert page.headers["content-type"].startswith("text/html")
        assert set(remaining(page)) == {"site"}

        rows = web.get("/fruit/apples.json?_shape=array&_size=5")
        assert [row["name"] for row in rows.json()] == [f"apple {n}" for n in range(1, 6)]
        assert remaining(rows)["tables"] == 5

        csv = web.get("/fruit/apples.csv?_stream=on")
        assert len(csv.text.splitlines()) == catalog.ROWS + 1

    with client(deployed, "127.77.1.2") as web:
        tables = until_refused(web, "/fruit/apples")
        assert len(tables) == 6 + 1
        assert tables[-1].headers["content-type"] == "application/problem+json"
        assert int(tables[-1].headers["retry-after"]) in range(1, 11)
        # Another route has not been used up, nor has another client.
        assert [answer.status_code for answer in until_refused(web, "/fruit")] == [200, 200, 429]
        assert web.get("/").status_code == 200
    with client(deployed, "127.77.1.3") as web:
        assert web.get("/fruit/apples").status_code == 200
        assert web.get("/no/such/page").status_code == 404
