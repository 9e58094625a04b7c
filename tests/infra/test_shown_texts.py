"""Every place where a text of a machine, of Fly or of an operator is shown, kept or sent.

A secret may be in any of them, in any form. Each place is tried with all forms; a new place is
noticed, because what writes or cuts a text is counted (see the end).
"""

from __future__ import annotations

import ast
import asyncio
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from flygate.cli.stack import held
from flygate.cli.verbs import status
from flygate.cli.verbs.local.daemon import _redacted
from flygate.doctor.checks import examine
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok
from flygate.fly import greeting, session
from flygate.fly.admin import AdminClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyApiError
from flygate.fly.leases import Leases
from flygate.fly.models import ExecResult, Machine, Volume
from flygate.record.journal import Journal
from flygate.redaction.redact import CUT, MASK, Redactor
from flygate.rollout import engine, outcome
from flygate.rollout.clients import messenger
from flygate.rollout.clients.messenger import Messenger, Reply
from flygate.rollout.errors import HookRefusedError
from flygate.rollout.execution import Execution
from flygate.rollout.gates.health import Healthy
from flygate.rollout.gates.smoke import Smoke
from flygate.rollout.hooks import webhook
from flygate.rollout.hooks.hooks import OUTPUT_MAX, Hooks, Subject
from flygate.rollout.hooks.webhook import Webhook
from flygate.rollout.lock.holder import Holder
from flygate.rollout.lock.lock import Lock
from flygate.rollout.machine.member import Member
from flygate.rollout.plan import Stage
from flygate.rollout.report import Report
from flygate.rollout.state import CANDIDATE, State
from flygate.rollout.verdict import GateFailedError, Verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from localfly.apps.secret_store import SecretStore
from localfly.logs.app_log import LogLine
from localfly.state.store import Store

from tests.infra.builders import seen, target
from tests.infra.doctor.paper_stack import PaperStack
from tests.support.disguises import DISGUISES

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "http://127.0.0.1:1"
MEMBER = Member("v2-iad-1", "m1", "iad")

canaries = st.text(alphabet="kqzKQZ4567-_/+=%&?#@:,'\"\\<>$!é\u4e2d\U0001f511", min_size=6).filter(
    lambda value: len(set(value)) > 3
)
names = st.sampled_from(sorted(DISGUISES))

# A place: what is shown of a text that holds a secret.
Place = Callable[[Path, "Knowing", str], str]
PLACES: dict[str, Place] = {}


def place(function: Place) -> Place:
    """Add one."""
    PLACES[function.__name__.removeprefix("_").replace("_", " ")] = function
    return function


def world(folder: Path, redact: Redactor, fly: Any = None) -> Execution:
    """A rollout of v2 whose journal is in a folder."""
    return Execution(fly, target(), Journal(folder / "journal.jsonl", "v2", redact))


def kept(folder: Path) -> str:
    """What the journal's file has, each text as it was written into the JSON, and as JSON."""
    file = folder / "journal.jsonl"
    lines = file.read_text() if file.exists() else ""
    return lines + "".join(f"\n{json.loads(line)}" for line in lines.splitlines())


@place
def _journal_text(folder: Path, redact: Knowing, text: str) -> str:
    world(folder, redact).journal.write("failed", f"stage {text}", f"it failed: {text}")
    return kept(folder)


@place
def _journal_data(folder: Path, redact: Knowing, text: str) -> str:
    reported = {"m1": {"boot": text, "list": [[1, text]], f"key {text}": 2}}
    world(folder, redact).journal.write("sample", "judge", "", data={"at": 0.5, "told": reported})
    return kept(folder)


@place
def _screen(folder: Path, redact: Knowing, text: str) -> str:
    screen = io.StringIO()
    log = Journal(folder / "journal.jsonl", "v2", redact, (Report(screen),))
    log.write("failed", "rollout", f"it failed: {text}")
    return screen.getvalue()


def hooks(folder: Path, redact: Redactor, script: str, **more: Any) -> Hooks:
    (folder / "hooks").mkdir(exist_ok=True)
    for name in ("before-rollout", "on-abort"):
        (folder / "hooks" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "hooks" / name).chmod(0o755)
    subject = Subject("shop", "v2", "v1", "https://shop.example", "ann", more.pop("reason", ""))
    return Hooks(folder / "hooks", subject, redact, **more)


@place
def _input_of_a_hook(folder: Path, redact: Knowing, text: str) -> str:
    reported = hooks(folder, redact, f"cat > {folder}/got", reason=f"because {text}")
    asyncio.run(reported.before_rollout())
    first = (folder / "got").read_text()
    log = Journal(folder / "journal.jsonl", "v2", redact, (reported,))
    log.write("restored", "restore", f"v1 serves: {text}", data={"said": text})
    reported.close()
    return first + (folder / "got").read_text()


@place
def _output_of_a_hook(folder: Path, redact: Knowing, text: str) -> str:
    (folder / "said").write_text(f"first\n{text}", "utf-8", "surrogatepass")
    with pytest.raises(HookRefusedError) as refusal:
        asyncio.run(hooks(folder, redact, f"cat {folder}/said; exit 1").before_rollout())
    return str(refusal.value)


@place
def _chat(folder: Path, redact: Knowing, text: str) -> str:
    posts: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook, "_post", lambda url, text: posts.append(text))
        reported = hooks(
            folder, redact, "true", reason=text, notify=Webhook("https://chat.example")
        )
        log = Journal(folder / "journal.jsonl", "v2", redact, (reported,))
        log.write("started", "rollout", f"v1 to v2 {text}")
        log.write("restore-failed", "restore", f"v1 serves: {text}")
        reported.close()
    return "".join(posts)


class Fly:
    """A Fly that says a text wherever it describes a machine; it notes what it gets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reported: list[Any] = []
        self.leases = Leases()

    async def logs(self, app: str, machine: str) -> list[Any]:
        lines = ["starting", *self.text.splitlines(), "stopping"]
        return [SimpleNamespace(message=line) for line in lines]

    async def machine(self, app: str, machine: str) -> Machine:
        checks = [{"name": "http", "status": "critical", "output": f"got {self.text}"}]
        return Machine.model_validate(
            {"id": "m1", "name": "v2-iad-1", "region": "iad", "state": "started", "checks": checks}
        )

    async def exec(self, *_: Any, **__: Any) -> ExecResult:
        return ExecResult(exit_code=1, stderr=f"Traceback\nValueError: {self.text}")

    async def check_guard(self) -> None:
        """The lease is ours."""

    async def patch_metadata(self, app: str, machine: str, notes: Any) -> None:
        self.reported.append(notes)

    async def acquire_lease(self, app: str, machine: str, ttl: int, description: str) -> None:
        self.reported.append(description)


@place
def _last_lines_of_log(folder: Path, redact: Knowing, text: str) -> str:
    failed = GateFailedError(
        Verdict("fail", "health", "it did not stay up", machine="m1", name="v2")
    )
    return asyncio.run(outcome.explain(failed, world(folder, redact, Fly(text))))


def judged(folder: Path, redact: Redactor, text: str, gate: Any) -> str:
    verdict = asyncio.run(gate.judge(world(folder, redact, Fly(text)), [MEMBER]))
    return str(verdict.reason)


@place
def _output_of_a_check(folder: Path, redact: Knowing, text: str) -> str:
    return judged(folder, redact, text, Healthy(0.0))


@place
def _output_of_the_smoke_check(folder: Path, redact: Knowing, text: str) -> str:
    return judged(folder, redact, text, Smoke(limiter=True))


@place
def _answer_to_the_smoke_check(folder: Path, redact: Knowing, text: str) -> str:
    class Answering(Fly):
        async def exec(self, *_: Any, **__: Any) -> ExecResult:
            return ExecResult(stdout=json.dumps({"health": 500, "body": f"oh: {self.text}"}))

    verdict = Smoke(limiter=False).judge(world(folder, redact, Answering(text)), [MEMBER])
    return asyncio.run(verdict).reason


@place
def _answer_to_an_order(folder: Path, redact: Knowing, text: str) -> str:
    return messenger._refused(MEMBER, Reply(500, f"oh: {text}"), redact)


@place
def _output_of_an_errand(folder: Path, redact: Knowing, text: str) -> str:
    inside = world(folder, redact, Fly(text))
    to = Messenger(inside, None, frozenset({"m1"}))  # type: ignore[arg-type]
    return asyncio.run(to._send(MEMBER, "")).text


def noted(folder: Path, redact: Redactor, text: str) -> Execution:
    """A world in which a verdict with a text was noted, of a gate that passed or is held."""
    there = world(folder, redact, Fly(text))
    there.made["v2-iad-1"] = MEMBER
    verdict = Verdict("pass", "smoke", f"it said {text}", {"said": text}, "m1", "v2-iad-1")
    engine._note(verdict, Stage("launch", ()), there)
    asyncio.run(engine._hold(outcome.of_gate(verdict), there, verdict.numbers))
    return there


@place
def _verdicts_of_the_ledger(folder: Path, redact: Knowing, text: str) -> str:
    return str(noted(folder, redact, text).verdicts)


@place
def _metadata_of_a_machine(folder: Path, redact: Knowing, text: str) -> str:
    fly: Any = noted(folder, redact, text).fly
    return "".join(str(value) for notes in fly.reported for value in notes.values())


@place
def _leases(folder: Path, redact: Knowing, text: str) -> str:
    fly: Any = Fly(text)
    holder = Holder("v2", "ann@laptop", since="now", why=f"because {text}")
    lock = Lock(fly, "shop", holder, world(folder, redact).journal)
    asyncio.run(lock._take("m1", 0.0))
    return "".join(fly.reported) + str(lock.holder)


def response(text: str, status: int = 500) -> httpx.Response:
    return httpx.Response(status, text=text, request=httpx.Request("GET", "https://fly.example"))


@place
def _error_of_fly(folder: Path, redact: Knowing, text: str) -> str:
    """Fly's words are cut where no secret is known; the error is redacted at the end."""
    detail = session._detail(response(json.dumps({"error": f"oh: {text}"})))
    return redact(f"POST /v1/apps: Fly answered 422: {detail}")


@place
def _page_in_place_of_fly(folder: Path, redact: Knowing, text: str) -> str:
    found = [session._detail(response(f"<p>{text}")), session._detail(response(json.dumps([text])))]
    for read in (session._json, greeting._content):
        with pytest.raises(FlyApiError) as error:
            read("GET /", response(f"<p>{text}", 200))
        found.append(str(error.value))
    return redact("\n".join(found))


@place
def _answer_of_the_admin_api(folder: Path, redact: Knowing, text: str) -> str:
    client = AdminClient("http://127.0.0.1:1", "t" * 24, redact.values)
    refused = client._read("m1", response(json.dumps({"error": text}), 400))
    answered = client._read("m1", response(json.dumps({"policies": [{"name": text}]}), 200))
    return str(refused) + str(answered)


@place
def _doctor(folder: Path, redact: Knowing, text: str) -> str:
    """It finds the secrets out by itself, wherever Pulumi keeps them."""

    async def check(facts: Facts) -> list[Finding]:
        return [ok(f"found {text}"), broken(f"found {text}", f"mend {text}")]

    async def findings() -> list[Finding]:
        async with Facts(PaperStack(settings=settings_with(redact.values))) as facts:
            return [one async for _, found in examine(facts, {"x": check}) for one in found]

    return str(asyncio.run(findings()))


def settings_with(values: Sequence[str]) -> dict[str, str]:
    return {"app": "shop", "secrets": json.dumps(dict(zip("ABC", values, strict=False)))}


@place
def _local_logs(folder: Path, redact: Knowing, text: str) -> str:
    """Of the local Fly: a value that it has, and one that it had when the line was written."""
    kept = SecretStore(Store(folder / "local"), time.time)
    kept.update("shop", dict(zip("ABC", redact.values, strict=False)))
    kept.update("shop", {"A": "another-value", "B": None})
    lines = [LogLine(n, 0.0, "info", "m1", "iad", t, 0) for n, t in enumerate(text.splitlines())]
    return "\n".join(line.message for line in _redacted(lines, folder / "local"))


@place
def _status(folder: Path, redact: Knowing, text: str) -> str:
    """Why a machine is held: an older Flygate wrote it, who knew less."""
    stack: Any = SimpleNamespace(environment={}, secret_texts=lambda: list(redact.values))

    async def observed(app: str, endpoints: Any) -> tuple[State, list[Volume]]:
        return State(app, (seen(2, held=f"it said {text}"),)), []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(status, "_observed", observed)
        patch.setattr(Endpoints, "from_env", lambda environment: None)
        return str(status._seen(stack, "shop"))


@place
def _held_rollout(folder: Path, redact: Knowing, text: str) -> str:
    stack: Any = SimpleNamespace(
        name="demo", environment={}, config=lambda key: "shop", secret_texts=lambda: redact.values
    )

    async def observed(fly: Any, app: str) -> State:
        return State(app, (seen(2, role=CANDIDATE, held=f"it said {text}"),))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "observe", observed)
        patch.setattr(Endpoints, "from_env", lambda environment: Endpoints(LOOPBACK, LOOPBACK, "t"))
        return str(held.held(stack))


@pytest.mark.parametrize("where", sorted(PLACES))
@given(canary=canaries, inner=names, outer=names)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_form_of_a_secret_gets_through(
    where: str, canary: str, inner: str, outer: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of a machine, of Fly or of an operator is shown with a secret in it."""
    text = DISGUISES[outer](DISGUISES[inner](canary))

    shown = PLACES[where](tmp_path_factory.mktemp("place"), redactor(canary), text)

    # Of several lines the last one alone may be shown.
    assert MASK in shown or CUT in shown or "\n" in text
    assert text not in shown
    assert canary not in shown


class Knowing(Redactor):
    """Shows which values it has, for places that make a redactor of their own."""

    def __init__(self, values: Sequence[str]) -> None:
        super().__init__(values)
        self.values = values


def redactor(canary: str) -> Knowing:
    return Knowing([canary, "another-canary-99"])


CUTTING = sorted(set(PLACES) - {"output of a hook", "input of a hook"})


@pytest.mark.parametrize("where", CUTTING)
def test_a_cut_leaves_no_beginning(where: str, tmp_path: Path) -> None:
    """Wherever a text is cut, the beginning of a secret is not left at its end."""
    canary = "Xk4mZ7qTr2vW9yB3nP6sD8fG"
    for limit in (80, 200, 300, 500, 2000):
        for before in range(limit - 40, limit, 3):
            shown = PLACES[where](tmp_path, redactor(canary), "." * before + canary + "." * 9)
            assert canary[:5] not in shown, (limit, before)


def test_the_last_line_of_a_hook_is_cut_after_it_was_redacted(tmp_path: Path) -> None:
    """And what is left out at the beginning of a long output leaves no rest of a secret."""
    canary = "Xk4mZ7qTr2vW9yB3nP6sD8fG"
    for before in (280, 290, OUTPUT_MAX - 310):
        text = canary * 2 + "." * before + canary
        shown = PLACES["output of a hook"](tmp_path, redactor(canary), text)
        assert not any(canary[at : at + 5] in shown for at in range(20))


# Each module that prints, writes, posts or hands over a text, and why no secret is in it. `place`:
# it is one of the places above. A module that is not here has to be thought of.
SINKS = {
    "program/exports.py": "names, and the ledger, which Pulumi encrypts",
    "cli/__main__.py": "errors of verbs: of Pulumi, of Fly, and what a journal says",
    "cli/verbs/abort.py": "place: held rollout",
    "cli/verbs/adopt.py": "redacted: what machines run, against the stack's secrets",
    "cli/verbs/destroy.py": "names and sizes of what goes",
    "cli/verbs/diff.py": "manifests, which have no secret",
    "cli/verbs/doctor.py": "place: doctor",
    "cli/verbs/eject.py": "the ledger's public half",
    "cli/verbs/forward.py": "names and versions",
    "cli/verbs/history.py": "the ledger's public half; its verdicts are a place",
    "cli/verbs/image.py": "names of files, and of the image",
    "cli/verbs/init.py": "choices; secrets by name",
    "cli/verbs/judge.py": "the journal, which is a place",
    "cli/verbs/ledger.py": "the ledger's public half; its verdicts are a place",
    "cli/verbs/limiter.py": "place: answer of the admin api",
    "cli/verbs/local/daemon.py": "place: local logs",
    "cli/verbs/local/faults.py": "faults that were asked for",
    "cli/verbs/move.py": "names of apps",
    "cli/verbs/plan.py": "lines of a preview, which Pulumi has shown",
    "cli/verbs/proceed.py": "place: held rollout",
    "cli/output/progress.py": "the journal, which is a place, and Pulumi's own output",
    "cli/verbs/promote.py": "versions and digests",
    "cli/verbs/redis.py": "names",
    "cli/verbs/rollback.py": "versions",
    "pulumi/pulumi.py": "what is typed into Pulumi's input, where secrets belong",
    "cli/verbs/status.py": "place: status",
    "cli/output/stopwatch.py": "times",
    "cli/stack/tour.py": "redacted: headers of the service",
    "cli/verbs/unlock.py": "who holds a lock",
    "cli/verbs/up.py": "addresses of the local Fly",
    "program/way_back.py": "the choice of the program for its own verb, in a file of the checkout",
    "program/components/command.py": "lines of `op look`: names, counts, prices",
    "fly/retries.py": "redacted by the operation in which a call is repeated",
    "images/docker_config.py": "the user's own settings, without keys",
    "images/flyctl.py": "the app's name",
    "images/tool.py": "Docker and flyctl, which get no secret of Flygate's: environment.py",
    "setup/draft.py": "choices; secrets are written by Pulumi",
    "commands/channel.py": "all that an operation says, redacted in cli/verbs/op.py",
    "commands/redis.py": "names and plans",
    "commands/removal.py": "names",
    "system/private.py": "it writes what others hand it, which are in this list",
    "program/pin.py": "versions",
    "program/preview_note.py": "lines of a preview, which Pulumi has shown",
    "program/question.py": "redacted: calls that were repeated, and why there is no answer",
    "pulumi/state.py": "a copy of Pulumi's state, encrypted by Pulumi",
    "rollout/clients/errand.py": "runs in a machine; what it says is a place",
    "rollout/lock/holder.py": "place: leases",
    "rollout/hooks/hooks.py": "place: input of a hook",
    "record/journal.py": "place: journal text, journal data",
    "rollout/gates/probe.py": "runs in a machine; what it says is a place",
    "rollout/report.py": "place: screen",
    "rollout/hooks/webhook.py": "place: chat",
    "program/preview_log.py": "lines of the program: the look and the configuration",
}
_WRITES = {"print", "echo", "secho", "write_text", "write_bytes", "post", "pwrite"}
_WRITES |= {"sys.stderr.write", "sys.stdout.write", "os.write", "private.write", "private.add_line"}
_WRITES |= {"pulumi.log.info", "pulumi.log.warn", "pulumi.log.error", "pulumi.export"}
_WRITES |= {"typer.prompt", "typer.confirm"}
# A length from which on a text is meant, and not a digest or a list.
_TEXT = 20


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Those of `flygate`: the local Fly stands in for Fly itself."""
    for path in sorted((ROOT / "infra" / "flygate").rglob("*.py")):
        name = path.relative_to(ROOT / "infra" / "flygate").as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def writes(tree: ast.Module) -> bool:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name in _WRITES or name.rpartition(".")[2] in _WRITES:
            return True
        if any(keyword.arg == "input" for keyword in call.keywords):
            return True
    return False


def test_every_place_is_known() -> None:
    """Who adds a module that shows a text says why no secret is in it, or makes it a place."""
    assert {name for name, tree in modules() if writes(tree)} == set(SINKS)
    reported = [
        name for why in SINKS.values() if why.startswith("place: ") for name in why[7:].split(", ")
    ]
    assert set(reported) <= set(PLACES)


# Slices that are not `cut`: of lists, or of a text that was redacted or marked.
SLICES = {
    "record/bounds.py": {"_LARGEST": "names"},
    "commands/channel.py": {"LINE_BYTES_MAX": "with the mark, redacted before"},
    "commands/recording.py": {"VERDICT_MAX": "a verdict, redacted when it was noted"},
    "redaction/redact.py": {"length - 1": "`cut` itself"},
    "redaction/needles.py": {"shift + length": "bytes that are looked through"},
    "rollout/gates/probe.py": {"BODY_MAX": "with the mark, in a machine"},
    "images/source_files.py": {"_NAMED": "names of files"},
}


def test_no_text_is_cut_without_a_mark() -> None:
    """`redact.cut` says that there was more, by which a secret's beginning is known."""
    found: dict[str, set[str]] = {}
    for name, tree in modules():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Slice)):
            upper = node.upper
            is_long = isinstance(upper, ast.Constant) and isinstance(upper.value, int)
            is_named = isinstance(upper, ast.Name) and upper.id.isupper()
            is_computed = isinstance(upper, ast.BinOp) and "length" in ast.unparse(upper)
            if (is_long and upper.value >= _TEXT) or is_named or is_computed:  # type: ignore[union-attr]
                found.setdefault(name, set()).add(ast.unparse(upper))  # type: ignore[arg-type]

    assert found == {name: set(slices) for name, slices in SLICES.items()}
