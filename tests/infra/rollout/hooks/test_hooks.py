"""The user's own programs and the webhook, which hear of a rollout."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.errors import HookRefusedError
from flygate.rollout.hooks.hooks import Hooks, Subject
from flygate.rollout.hooks.webhook import Webhook

SUBJECT = Subject("shop", "v7", "v6", "https://shop.fly.dev", "ann@laptop", "faster")


def _hook(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _journal(tmp_path: Path, hooks: Hooks) -> Journal:
    return Journal(tmp_path / "journal.jsonl", "v7", Redactor(), (hooks,))


async def test_without_hooks_nothing_is_asked(tmp_path: Path) -> None:
    """A project needs no folder of hooks."""
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor())
    await hooks.before_rollout()
    _journal(tmp_path, hooks).write("finished", "rollout", "v7 is released")
    hooks.close()


async def test_the_hook_before_gets_what_begins(tmp_path: Path) -> None:
    """JSON on standard input: who rolls out what, where, and why."""
    _hook(tmp_path / "hooks", "before-rollout", f"cat > {tmp_path}/input")
    await Hooks(tmp_path / "hooks", SUBJECT, Redactor()).before_rollout()
    found = json.loads((tmp_path / "input").read_text())
    assert found == {
        "hook": "before-rollout",
        "app": "shop",
        "release": "v7",
        "former": "v6",
        "url": "https://shop.fly.dev",
        "by": "ann@laptop",
        "reason": "faster",
    }


async def test_the_hook_before_can_refuse(tmp_path: Path) -> None:
    """Its last line is the reason that the operator reads; a secret in it is masked."""
    _hook(tmp_path / "hooks", "before-rollout", "echo no deploys on Friday, tok3n; exit 3")
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor(["tok3n"]))
    with pytest.raises(HookRefusedError, match=r"exit code 3 no deploys on Friday, \[secret\]"):
        await hooks.before_rollout()


async def test_a_hook_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    """A gate that silently does not run is worse than none."""
    _hook(tmp_path / "hooks", "before-rollout", "exit 0").chmod(0o644)
    with pytest.raises(
        HookRefusedError, match=r"not executable \(chmod \+x hooks/before-rollout\)"
    ):
        await Hooks(tmp_path / "hooks", SUBJECT, Redactor()).before_rollout()


def test_later_hooks_run_in_the_order_of_events(tmp_path: Path) -> None:
    """Each has the event; the release's hook comes after the steps' ones."""
    for name in ("after-step", "after-release"):
        _hook(tmp_path / "hooks", name, f"cat >> {tmp_path}/input; echo >> {tmp_path}/input")
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor())
    journal = _journal(tmp_path, hooks)
    journal.write("verdict", "health", "v7-iad-1: started")
    journal.write("finished", "rollout", "v7 is released")
    hooks.close()
    found = [json.loads(line) for line in (tmp_path / "input").read_text().splitlines()]
    assert [(one["hook"], one["event"]["text"]) for one in found] == [
        ("after-step", "v7-iad-1: started"),
        ("after-release", "v7 is released"),
    ]


def test_a_later_hook_that_fails_is_a_warning(tmp_path: Path) -> None:
    """What is done is done; the operator hears of it."""
    _hook(tmp_path / "hooks", "on-abort", "echo pager is down; exit 1")
    warnings: list[str] = []
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor(), warn=warnings.append)
    _journal(tmp_path, hooks).write("restored", "restore", "v6 serves as before")
    hooks.close()
    assert warnings == ["hooks/on-abort failed: exit code 1 pager is down"]


OURS = (
    "FLYGATE_SECRETS",
    "FLYGATE_RESTORED",
    "FLYGATE_WEBHOOK",
    "FLY_API_TOKEN",
    "FLY_ACCESS_TOKEN",
    "PULUMI_COMMAND_STDOUT",
    "PULUMI_COMMAND_STDERR",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
)


def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]) -> str:
    """What a hook finds in its environment."""
    for name in OURS:
        monkeypatch.setenv(name, f"canary-{name}")
    _hook(tmp_path / "hooks", "after-release", f"env > {tmp_path}/environment")
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor(), named=named)
    _journal(tmp_path, hooks).write("finished", "rollout", "v7 is released")
    hooks.close()
    return (tmp_path / "environment").read_text()


def test_no_hook_gets_what_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value that Pulumi hands to the rollout, no token, no passphrase; what is the user's."""
    seen = environment(tmp_path, monkeypatch, ())

    assert "canary-" not in seen
    assert f"PATH={os.environ['PATH']}" in seen


def test_a_hook_gets_what_the_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token, if it has to call Fly; never the secrets of the releases."""
    seen = environment(tmp_path, monkeypatch, ("FLY_API_TOKEN", "FLYGATE_SECRETS"))

    assert [name for name in OURS if f"canary-{name}" in seen] == ["FLY_API_TOKEN"]


class _Chat(BaseHTTPRequestHandler):
    posts: list[str]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.posts.append(json.loads(body)["text"])
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def chat() -> Iterator[type[_Chat]]:
    """A chat's webhook on loopback; `posts` are the texts that it got."""
    handler = type("Chat", (_Chat,), {"posts": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    handler.url = f"http://127.0.0.1:{server.server_port}/hook/s3cret"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield handler
    server.shutdown()
    server.server_close()


def test_the_chat_reads_beginning_and_end(tmp_path: Path, chat: type[_Chat]) -> None:
    """Not each step: a chat is for people."""
    webhook = Webhook.from_env({"FLYGATE_WEBHOOK": chat.url})  # type: ignore[attr-defined]
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor(), notify=webhook)
    journal = _journal(tmp_path, hooks)
    journal.write("started", "rollout", "v6 → v7")
    journal.write("done", "launch", "v7-iad-1 is up")
    journal.write("restored", "restore", "v6 serves as before")
    hooks.close()
    assert chat.posts == [
        "▶ shop: v7 begins, by ann@laptop: faster",
        "↩ shop: v7 was taken back; v6 serves as before",
    ]


def test_a_chat_that_fails_disturbs_nothing(tmp_path: Path, chat: type[_Chat]) -> None:
    """It is counted, and its address is not shown."""
    chat.status = 500
    webhook = Webhook.from_env({"FLYGATE_WEBHOOK": chat.url})  # type: ignore[attr-defined]
    assert webhook is not None
    hooks = Hooks(tmp_path / "hooks", SUBJECT, Redactor(), notify=webhook)
    _journal(tmp_path, hooks).write("finished", "rollout", "v7 is released")
    hooks.close()
    assert webhook.failed == 1


def test_without_an_address_nothing_is_posted() -> None:
    """An empty variable is none."""
    assert Webhook.from_env({"FLYGATE_WEBHOOK": ""}) is None
