"""The way into the API: what a page in a browser may do, which is next to nothing."""

import pytest

from tests.support.localfly import Machines

pytestmark = pytest.mark.integration

FOREIGN = {
    "another port of this computer": {"origin": "http://127.0.0.1:8000"},
    "an app's own page": {"origin": "http://demo.localhost:4290"},
    "a page of the internet": {"origin": "https://example.org"},
    "a page without an origin": {"origin": "null"},
    "by https": {"origin": "https://{host}"},
    "as the browser says": {"sec-fetch-site": "cross-site"},
    "from this site": {"sec-fetch-site": "same-site"},
    "a word of tomorrow": {"sec-fetch-site": "anywhere"},
}
OWN = {
    "a program": {},
    "our own page": {"origin": "http://{host}", "sec-fetch-site": "same-origin"},
    "the address line": {"sec-fetch-site": "none"},
}
CHANGES = [("POST", "/start"), ("POST", "/stop"), ("DELETE", "?force=true"), ("POST", "/cordon")]


def headers(machines: Machines, asked: dict[str, str]) -> dict[str, str]:
    host = machines.fly.api_url.removeprefix("http://")
    return {name: value.replace("{host}", host) for name, value in asked.items()}


@pytest.mark.parametrize("asked", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_page_changes_nothing(machines: Machines, asked: dict[str, str]) -> None:
    """Neither with a body nor without one, which a browser would send unasked."""
    machine = await machines.serving()
    for method, path in CHANGES:
        url = f"{machines.base}/{machine['id']}{path}"
        answer = await machines.api.request(method, url, headers=headers(machines, asked))
        assert answer.status_code == 403, (method, path)
        assert "local pages only" in answer.json()["error"]
    answer = await machines.api.post(
        "/graphql", json={"query": "{viewer{id}}"}, headers=headers(machines, asked)
    )
    assert answer.status_code == 403

    found = (await machines.api.get(f"{machines.base}/{machine['id']}")).json()
    assert found["state"] == "started"


@pytest.mark.parametrize("asked", OWN.values(), ids=OWN)
async def test_programs_and_the_own_page_may(machines: Machines, asked: dict[str, str]) -> None:
    """Flyctl and the engine send no such headers."""
    machine = await machines.serving()
    url = f"{machines.base}/{machine['id']}/cordon"
    assert (await machines.api.post(url, headers=headers(machines, asked))).is_success


async def test_no_page_loads_anything_from_elsewhere(machines: Machines) -> None:
    """There is no page of documentation that would; the description is for programs."""
    assert (await machines.api.get("/_docs")).status_code == 404
    assert (await machines.api.get("/_openapi")).status_code == 200
    page = (await machines.api.get("/")).text
    assert "https://" not in page
    assert 'src="http' not in page
