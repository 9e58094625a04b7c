"""The table in docs/local-fly.md says what is true: what is done is tested, nothing is missing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from graphql import build_schema
from localfly import graphql

from tests.support.localfly import Machines

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "local-fly.md"
HEADER = "| what | state | evidence | test |"
STATES = ("done", "partly", "not")
TAGS = frozenset("SDOR3–")  # noqa: RUF001 (the dash of the table)
ENDPOINT = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE)(?: [A-Z]+)*) (/\S+)`")


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    state: str
    tags: frozenset[str]
    tests: tuple[str, ...]


def rows() -> Iterator[Row]:
    """The rows of every table with the four columns."""
    is_inside = False
    for line in TABLE.read_text().splitlines():
        is_inside = line == HEADER or (is_inside and line.startswith("|"))
        if is_inside and line != HEADER and not line.startswith("|---"):
            what, state, tags, tests = (cell.strip() for cell in line.split("|")[1:-1])
            found = re.findall(r"\[(.)\]", tags)
            yield Row(what, state, frozenset(found), tuple(re.findall(r"`(\w+)`", tests)))


def test_each_row_has_a_state_and_its_evidence() -> None:
    """Done, partly or not; tags of docs/fly-api.md."""
    for row in rows():
        assert row.state.startswith(STATES), row
        assert row.tags <= TAGS, row
        assert row.tags or row.state.startswith("not"), row


def test_what_is_done_names_a_test_that_exists() -> None:
    """A test that was renamed or removed leaves no claim behind."""
    sources = [path.read_text() for path in HERE.rglob("test_*.py")]
    existing = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    for row in rows():
        assert row.tests or row.state.startswith("not"), f"no test: {row.what}"
        assert set(row.tests) <= existing, f"no such test: {set(row.tests) - existing}"


@pytest.mark.integration
async def test_each_path_of_the_api_is_in_the_table(machines: Machines) -> None:
    """And nothing else is said to be answered."""
    document = (await machines.api.get("/_openapi")).json()
    documented = {
        (method, re.sub(r"{\w+}", "{}", path))
        for row in rows()
        for methods, path in ENDPOINT.findall(row.what)
        for method in methods.split(" ")
        if not row.state.startswith("not")
    }
    answered = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith(("/v1/", "/api/v1/"))
    }
    assert answered - documented == set()
    assert documented - answered == set()


def test_each_root_field_of_the_schema_is_in_the_table() -> None:
    """Queries and mutations."""
    schema = build_schema(files(graphql).joinpath("schema.graphql").read_text())
    assert schema.query_type
    assert schema.mutation_type
    fields = {*schema.query_type.fields, *schema.mutation_type.fields}
    documented = {name for row in rows() for name in re.findall(r"`(\w+)`", row.what)}
    assert fields - documented == set()
