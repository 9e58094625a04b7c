"""The operations that the OpenAPI document of Fly's Machines API names: each is answered.

`operations.json` has the facts: the operation, its method and path, the status of a success, and
fields of the answer. PUT and PATCH of metadata share an operation there; here each has a name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.localfly import TOKEN, Json, Machines

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

OPERATIONS: Final[list[Json]] = json.loads(
    Path(__file__).with_name("operations.json").read_text(encoding="utf-8")
)
# What the local Fly has not, with the status of its refusal; docs/local-fly.md says so.
REFUSED: Final = {"Tokens_request_Kms": 403}
KEY: Final = list(range(32))
PLAIN: Final = [104, 105]
BODIES: Final[Mapping[str, Any]] = {
    "Apps_create": {"name": "other", "org_slug": "personal"},
    "App_Certificates_acme_create": {"hostname": "a.example.com"},
    "App_Certificates_custom_create": {
        "hostname": "b.example.com",
        "fullchain": "x",
        "private_key": "x",
    },
    "App_IPAssignments_create": {"type": "v6"},
    "Machines_exec": {"command": ["true"]},
    "Machines_create_lease": {"ttl": 30},
    "Machines_set_memory_limit": {"limit_mb": 128},
    "Machines_reclaim_memory": {"amount_mb": 1},
    "Machines_update_metadata": {"metadata": {"colour": "green"}},
    "Machines_patch_metadata": {"metadata": {"colour": "blue"}},
    "Machines_upsert_metadata": {"value": "red"},
    "Machines_signal": {"signal": "SIGUSR1"},
    "Secretkey_set": {"type": "hs256", "value": KEY},
    "Secretkey_generate": {"type": "xaes256gcm"},
    "Secretkey_encrypt": {"plaintext": PLAIN},
    "Secretkey_sign": {"plaintext": PLAIN},
    "Secrets_update": {"values": {"NAME": "x"}},
    "Secret_create": {"value": "x"},
    "Volumes_create": {"name": "data"},
    "Volumes_update": {"snapshot_retention": 7},
    "Volumes_extend": {"size_gb": 9},
    "Platform_placements_post": {"org_slug": "personal"},
    "Tokens_authenticate": {"header": f"Bearer {TOKEN}"},
    "Tokens_authorize": {"header": f"Bearer {TOKEN}", "access": {"action": "r"}},
    "Tokens_request_OIDC": {"aud": "here"},
}
NONCE: Final = "fly-machine-lease-nonce"
DEAF: Final = ["sh", "-c", "trap '' USR1; exec python -S -E tiny_server.py"]
QUERIES: Final = {"Apps_list": {"org_slug": "personal"}, "Machines_delete": {"force": "true"}}
# In the order in which one leads to the next; the others come between, as they are in the file.
FIRST: Final = (
    *("Apps_create", "Machines_create", "Machines_wait", "Tokens_request_OIDC"),
    *("App_IPAssignments_create", "Volumes_create", "createVolumeSnapshot"),
    *("App_Certificates_acme_create", "App_Certificates_custom_create"),
    *("Machines_create_lease", "Machines_show_lease", "Machines_release_lease"),
    *("Machines_update_metadata", "Machines_upsert_metadata"),
    *("Secretkey_set", "Secretkey_sign", "Secretkey_verify"),
    *("Secretkey_generate", "Secretkey_encrypt", "Secretkey_decrypt", "Secret_create"),
)
LAST: Final = (
    *("Machines_suspend", "Machines_start", "Machines_restart", "Machines_update"),
    *("Machines_stop", "Machines_delete", "Secretkey_delete", "Secret_delete"),
    *("App_Certificates_acme_delete", "App_Certificates_custom_delete"),
    *("App_Certificates_delete", "App_IPAssignments_delete", "Volume_delete", "Apps_delete"),
)
SETTLED: Final = {
    "Machines_suspend": "suspended",
    "Machines_start": "started",
    "Machines_restart": "started",
    "Machines_update": "started",
    "Machines_stop": "stopped",
}


@dataclass(slots=True)
class Walk:
    """Asks for one operation after another, with what the ones before made."""

    machines: Machines
    names: dict[str, str] = field(
        default_factory=lambda: {
            "app_name": "demo",
            "org_slug": "personal",
            "key": "colour",
            "secret_name": "NAME",
        }
    )
    made: dict[str, Any] = field(default_factory=dict)

    async def ask(self, operation: Json) -> httpx.Response:
        name = operation["operation"]
        await self._prepare(name)
        path = operation["path"].format(**self.names)
        async with self._client(name) as client:
            answer = await client.request(
                operation["method"], path, json=self._body(name), params=QUERIES.get(name)
            )
        await self._learn(name, answer)
        return answer

    async def _prepare(self, name: str) -> None:
        if name.startswith("App_Certificates"):
            self.names["hostname"] = "b.example.com" if "custom" in name else "a.example.com"
        if name == "App_Certificates_delete":
            path = "/v1/apps/demo/certificates/acme"
            await self.machines.api.post(path, json=BODIES["App_Certificates_acme_create"])

    def _client(self, name: str) -> httpx.AsyncClient:
        """From where a request comes: an OIDC token is the machine's that asks."""
        address = self.made["address"] if name == "Tokens_request_OIDC" else None
        transport = httpx.AsyncHTTPTransport(local_address=address)
        return httpx.AsyncClient(
            base_url=self.machines.api.base_url,
            headers={**self.machines.api.headers, NONCE: self.made.get("nonce", "")},
            transport=transport,
            timeout=70,
        )

    def _body(self, name: str) -> Any:
        if name in {"Machines_create", "Machines_update"}:
            return {"config": self.machines.config(init={"exec": DEAF})}
        if name == "Secretkey_verify":
            return {"plaintext": PLAIN, "signature": self.made["signature"]}
        if name == "Secretkey_decrypt":
            return {"ciphertext": self.made["ciphertext"]}
        return BODIES.get(name)

    async def _learn(self, name: str, answer: httpx.Response) -> None:
        document = answer.json() if name in _TEACHING else {}
        if name == "Machines_create":
            self.names["machine_id"] = document["id"]
            self.made["address"] = document["private_ip"]
        elif name == "Volumes_create":
            self.names["volume_id"] = document["id"]
        elif name == "App_IPAssignments_create":
            self.names["ip"] = document["ip"]
        elif name == "Machines_create_lease":
            self.made["nonce"] = document["data"]["nonce"]
        else:
            self.made.update(document)
        if name in SETTLED and answer.is_success:
            await self.machines.wait(self.names["machine_id"], SETTLED[name])


_TEACHING: Final = (
    *("Machines_create", "Volumes_create", "App_IPAssignments_create"),
    *("Machines_create_lease", "Secretkey_sign", "Secretkey_encrypt"),
)


def test_all_operations_are_there() -> None:
    """As many as the document names, each once."""
    assert len(OPERATIONS) == 76
    assert len({(one["method"], one["path"]) for one in OPERATIONS}) == 76
    names = {one["operation"] for one in OPERATIONS}
    assert {*FIRST, *LAST, *BODIES, *REFUSED} <= names


async def test_each_operation_is_answered(machines: Machines) -> None:
    """With the status of its success and the document's fields; one has its refusal."""
    walk, wrong = Walk(machines), list[str]()
    for operation in in_order():
        answer = await walk.ask(operation)
        expected = REFUSED.get(operation["operation"], operation["status"])
        if answer.status_code != expected:
            wrong.append(f"{operation['operation']}: {answer.status_code} {answer.text}")
        elif missing := set(operation["fields"]) - fields_of(answer):
            wrong.append(f"{operation['operation']}: no {', '.join(sorted(missing))}")
    assert not wrong, "\n".join(wrong)


async def test_every_path_of_the_document_has_a_route(machines: Machines) -> None:
    """No request ends at the router."""
    document = (await machines.api.get("/_openapi")).json()
    routes = {
        (method.upper(), shape(path))
        for path, found in document["paths"].items()
        for method in found
    }
    assert [one for one in OPERATIONS if (one["method"], shape(one["path"])) not in routes] == []


def in_order() -> list[Json]:
    known = {one["operation"]: one for one in OPERATIONS}
    between = [name for name in known if name not in {*FIRST, *LAST}]
    return [known[name] for name in (*FIRST, *between, *LAST)]


def fields_of(answer: httpx.Response) -> set[str]:
    """Of the answer, or of the first thing in a list."""
    if not answer.content or "json" not in answer.headers["content-type"]:
        return set()
    document = answer.json()
    first = document[0] if isinstance(document, list) and document else document
    return set(first)


def shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
