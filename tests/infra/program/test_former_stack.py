"""A stack that a Flygate of before the packages made: its state is read, and nothing is replaced.

`tests/data/former-stack` is what `pulumi stack export` wrote of a local stack after two releases by
commit 025b17c, with its fly.toml. Its secrets belonged to a local Fly that is gone.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import shutil
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
from flygate.commands.desired_release import desired_release
from flygate.commands.inspection import Inspection
from flygate.commands.request import ReleaseRequest
from flygate.config import Pin
from flygate.program import deployment, question
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record.stack_record import StackRecord
from flygate.rollout.state import State
from flygate.system import project
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

FORMER = Path(__file__).resolve().parents[2] / "data" / "former-stack"
DIGEST = "sha256:7ea7c226dcf12da2098613008fb461ce5ea35bab746992b6924185f3602f98d9"
IMAGE = f"registry.fly.io/flygate-local@{DIGEST}"
CONFIG = {
    "app": "flygate-local",
    "env": {"RATE_LIMIT_BURST": 10, "RATE_LIMIT_RPM": 60, "GREETING": "second"},
    "phase": "1",
    "image": IMAGE,
    "rollout": {
        "drain": "0s",
        "soak": "0s",
        "strategy": "bluegreen",
        "uptime": "0s",
        "wait": "20s",
    },
    "secrets": {"API_KEY": "former-canary-value"},
}
STACK = "pulumi:pulumi:Stack"


class Engine(Mocks):
    """Pulumi's engine, with the former state.

    Attributes:
        declared: what the program declares, by name: type and inputs.
        urns: of the same.
    """

    def __init__(self, state: Checkpoint) -> None:
        self.state = state
        self.declared: dict[str, MockResourceArgs] = {}
        self.urns: set[str] = set()

    def call(self, args: MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        """The program asks for nothing but its own state."""
        assert args.token == "pulumi:pulumi:readStackResourceOutputs"
        outputs = {
            one.urn: {"type": one.type, "outputs": dict(one.outputs)}
            for one in self.state.resources
        }
        return {"outputs": outputs}

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """It exists already, with the outputs that it left."""
        self.declared[args.name] = args
        found = next(one for one in self.state.resources if one.urn.endswith(f"::{args.name}"))
        return args.name, {**args.inputs, **found.outputs}


@pytest.fixture(scope="module")
def document() -> str:
    """The recorded state."""
    return (FORMER / "state.json").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without a stack file, with the former fly.toml."""
    shutil.copy2(FORMER / "fly.toml", tmp_path)
    monkeypatch.setattr(project, "root", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def engine(document: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The program of today has run a preview over the former state, whose app is as released."""
    assert root.is_dir()
    state = Checkpoint.exported(document)
    token = json.loads(inputs_of(document, "app-command")["stdin"])["drift"]
    live = Inspection(drift=token, found=(), state="as released", live=State("flygate-local"))
    monkeypatch.setattr(question, "ask", lambda *_: live)
    engine = Engine(state)
    # In a thread: Pulumi's SDK wants a current event loop, which no test here may change.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(contextvars.copy_context().run, _with_loop, engine).result()
    return engine


def _with_loop(engine: Engine) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        _preview(engine)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    # Pulumi's mocks make loops in the threads of the executor, and close none of them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _preview(engine: Engine) -> None:
    monitor = MockMonitor(engine)
    pulumi.runtime.set_mocks(
        engine, "flygate", "local", preview=True, monitor=monitor, organization="organization"
    )
    texts = {
        f"flygate:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in CONFIG.items()
    }
    pulumi.runtime.set_all_config(texts, ["flygate:secrets"])
    pulumi.runtime.test(deployment.run)()  # type: ignore[no-untyped-call]
    # The mock writes the stack into the URN of what it is the parent of; the engine does not.
    engine.urns = {urn.replace(f"{STACK}$", "") for urn in monitor.get_registered_resources()}


def inputs_of(document: str, name: str) -> Mapping[str, Any]:
    """What a resource of the recorded state was given."""
    resources = json.loads(document)["deployment"]["resources"]
    found: Mapping[str, Any] = next(r for r in resources if r["urn"].endswith(f"::{name}"))
    return dict(found["inputs"])


def urns(document: str) -> set[str]:
    """The stack's own resources, as the recorded state names them."""
    resources = json.loads(document)["deployment"]["resources"]
    own = ("flygate:", "command:local:")
    return {r["urn"] for r in resources if r["type"].startswith(own)}


def test_every_resource_keeps_its_urn(document: str, engine: Engine) -> None:
    """Pulumi takes another URN for another resource, and deletes the former."""
    assert engine.urns == urns(document)


def test_the_commands_keep_their_inputs(document: str, engine: Engine) -> None:
    """With the same image the upgrade changes no input, so Pulumi runs no Command for it."""
    for name in ("app-command", "release-command"):
        former, today = inputs_of(document, name), engine.declared[name].inputs
        for key in ("create", "update", "delete", "dir", "logging"):
            assert today[key] == former[key]
        request, before = json.loads(today["stdin"]), json.loads(former["stdin"])
        for one in (request, before):
            one.pop("source", None)  # an image by digest has none
        assert request == before


def test_the_ledger_and_the_history_are_read(document: str) -> None:
    """Whose the stack is, what ran, with which secrets, and a rollback finds its way."""
    recorded = StackRecord.of(Checkpoint.exported(document))

    assert (recorded.app, recorded.problem) == ("flygate-local", "")
    assert recorded.owner is not None
    assert [one.name for one in recorded.ledger.releases] == ["v1", "v2"]
    assert recorded.ledger.current_secrets == {"API_KEY": "former-canary-value"}
    assert recorded.ledger.releases[-1].manifest.image == IMAGE
    for one in recorded.ledger.releases:
        assert one.manifest.id(one.secret_set) == one.manifest_id


def test_a_rollback_leaves_the_command_to_the_former_image(document: str) -> None:
    """It ran `python -m service`, which today's has not; nothing of today's is laid over it."""
    ledger = StackRecord.of(Checkpoint.exported(document)).ledger
    former = ledger.releases[0]
    pinned = Pin(version=former.name, manifest=former.manifest_id)

    request = ReleaseRequest(app=former.manifest.app, content=pinned)
    desired = desired_release(request, {}, ledger)

    assert desired.manifest == former.manifest
    assert desired.manifest.config["init"] == {}
    assert desired.id == former.manifest_id
