"""Plays recorded requests of flyctl against a local Fly: in their order, each answered with at
least what flyctl needs.

A recording is JSON. Each request has `send` (method and path) or `gql` (a document of
`documents.graphql`), and may have

- `body` or `variables`, `nonce`: what is sent with it;
- `status`: of the answer, 200 if missing; a list where it depends on how long flyctl waited;
- `needs`: what the answer must contain; `*` is anything but null;
- `until`: the same, for what flyctl asks again and again until it is so;
- `keep`: values of the answer by name and place, for later requests (`{m1}`).
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from graphql import OperationDefinitionNode, parse, print_ast

Json = dict[str, Any]

_NAME = re.compile(r"\{(\w+)\}")
_PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class Replay:
    """One recording against one local Fly."""

    api: httpx.AsyncClient
    documents: dict[str, str]
    kept: dict[str, Any] = field(default_factory=dict)

    async def play(self, request: Json) -> None:
        """Sends one request; fails if the answer is not what flyctl needs."""
        wanted = self._filled(request.get("until", request.get("needs")))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await self._send(request)
            while "until" in request and missing(wanted, answer):
                await asyncio.sleep(0.02)
                answer = await self._send(request)
        assert wanted is None or not missing(wanted, answer), missing(wanted, answer)
        for name, place in request.get("keep", {}).items():
            self.kept[name] = _at(answer, place)

    async def _send(self, request: Json) -> Any:
        method, path, body = "POST", "/graphql", self._filled(request.get("body"))
        if "gql" in request:
            body = self._question(request)
        else:
            method, path = self._filled(request["send"]).split(" ")
        headers = {"fly-machine-lease-nonce": self._filled(request.get("nonce", ""))}
        answer = await self.api.request(
            method, path, json=body, headers=headers if "nonce" in request else {}
        )
        expected = request.get("status", 200)
        statuses = expected if isinstance(expected, list) else [expected]
        assert answer.status_code in statuses, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _question(self, request: Json) -> Json:
        name = request["gql"]
        document, variables = self.documents[name], self._filled(request.get("variables"))
        if name[0].islower():
            return {"query": document.replace(f" {name}", " ", 1), "variables": variables}
        return {"query": document, "variables": variables, "operationName": name}

    def _filled(self, template: Any) -> Any:
        """With what was kept of earlier answers in place of the names."""
        if isinstance(template, dict):
            return {key: self._filled(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self._filled(value) for value in template]
        if not isinstance(template, str):
            return template
        if match := _NAME.fullmatch(template):
            return self.kept[match[1]]
        return _NAME.sub(lambda found: str(self.kept[found[1]]), template)


def missing(wanted: Any, found: Any, place: str = "") -> str:
    """Where the answer lacks something that is wanted; empty if it doesn't. A list that is wanted
    may be in any order, and further elements may be there unless none is wanted.
    """
    if wanted == "*":
        return "" if found is not None else f"{place} is null"
    if isinstance(wanted, dict) and isinstance(found, dict):
        places = (missing(v, found.get(k), f"{place}.{k}") for k, v in wanted.items())
        return next(filter(None, places), "")
    if isinstance(wanted, list) and isinstance(found, list) and wanted:
        lost = (one for one in wanted if all(missing(one, other) for other in found))
        return next((f"{place} has no {one}" for one in lost), "")
    return "" if wanted == found else f"{place} is {found!r}, not {wanted!r}"


def read_documents(path: Path) -> dict[str, str]:
    """The documents of a file by their names."""
    found = {}
    for definition in parse(path.read_text()).definitions:
        assert isinstance(definition, OperationDefinitionNode)
        assert definition.name
        found[definition.name.value] = print_ast(definition)
    return found


def read_recording(path: Path) -> Json:
    recording: Json = json.loads(path.read_text())
    return recording


def _at(answer: Any, place: str) -> Any:
    for step in place.split("."):
        answer = answer[step]
    return answer
