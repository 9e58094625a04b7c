"""A copy of this checkout in a folder of its own, used as a newcomer would use it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import httpx
from flygate.commands.orders import FORWARD
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.web import address
from flygate.rollout.state import observe
from localfly.state.env_file import authorization, read_token

ROOT = Path(__file__).resolve().parents[2]
_SERVING = {"started", "suspended"}
_CIPHERTEXT = re.compile(r'(?<="ciphertext": ")[^"]+')
_STATE = ".flygate/state/.pulumi/stacks/flygate/local.json"
# A newcomer's Python keeps its bytecode: to compile the sources anew takes a sixth of each start.
_FOREIGN = ("FLY_", "PULUMI_", "FLYGATE_", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended."""

    code: int
    output: str
    command: Sequence[str]

    def ok(self) -> Run:
        """Itself, if the command succeeded."""
        assert self.code == 0, f"{' '.join(self.command)} ended with {self.code}:\n{self.output}"
        return self


@dataclass
class Project:
    """The copy.

    Attributes:
        LOCAL_FLY: starts its local Fly, on free ports.
        outputs: what every command printed, for the search for secrets.
    """

    LOCAL_FLY: ClassVar = ("local", "up", "--faults", "--api-port", "0", "--proxy-port", "0")

    path: Path
    outputs: list[str] = field(default_factory=list)
    _settled: str = ""
    _originals: dict[str, bytes] = field(default_factory=dict)
    _begun: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def copy_to(cls, path: Path) -> Project:
        """Copy what git would hold of this checkout."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, path / name
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        return cls(path)

    def colleague(self, path: Path) -> Project:
        """A second copy on the same state, passphrase and local Fly, with the stack's file of now.

        Its sources are those of the checkout, whatever was changed in this one.
        """
        other = Project.copy_to(path)
        shutil.copy2(self.path / "Pulumi.local.yaml", other.path)
        (other.path / ".venv").symlink_to(self.path / ".venv")
        (other.path / ".flygate").mkdir(mode=0o700)
        (other.path / ".flygate" / "env").write_text(f". '{self.path}/.flygate/env'\n")
        return other

    def run(self, *command: str, extra: Mapping[str, str] | None = None, given: str = "") -> Run:
        """Run a command in the copy, in an environment that knows nothing of this checkout.

        Args:
            given: what it reads on standard input.
        """
        process = subprocess.run(
            command,
            cwd=self.path,
            env={**_newcomers_environment(), "CI": "true", **(extra or {})},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.outputs.append(process.stdout)
        return Run(process.returncode, process.stdout, command)

    def environment(self) -> dict[str, str]:
        """That of a newcomer's shell, without colours."""
        return {**_newcomers_environment(), "NO_COLOR": "1", "TERM": "xterm"}

    def flygate(self, *arguments: str) -> Run:
        """The `flygate` command."""
        return self.run("./flygate", *arguments)

    def pulumi(self, *arguments: str, extra: Mapping[str, str] | None = None) -> Run:
        """`pulumi` as typed by hand in a shell that has read `.flygate/env`."""
        script = '. .flygate/env && exec pulumi "$@"'
        return self.run("/bin/sh", "-c", script, "sh", *arguments, extra=extra)

    def type(self, words: Sequence[str]) -> Run:
        """A command as the screen names it: `pulumi …`, `./flygate …`, `make up`."""
        return self.pulumi(*words[1:]) if words[0] == "pulumi" else self.run(*words)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """`pulumi` as `pulumi()` runs it, in the background, its output left alone."""
        script = '. .flygate/env && exec pulumi "$@"'
        return self.begin(["/bin/sh", "-c", script, "sh", *arguments], subprocess.DEVNULL)

    def begin(self, words: Sequence[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """A command as `run()` runs it, in the background.

        Args:
            output: where what it prints goes.
        """
        process = subprocess.Popen(
            words,
            cwd=self.path,
            env={**_newcomers_environment(), "CI": "true"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all that it starts can be found again
        )
        self._begun.append(process)
        return process

    def settle(self) -> None:
        """A good release of the unchanged sources runs; nothing is done if it does already."""
        self._end_leftovers()
        self._raise_local_fly()
        self.reset()
        if not self._settled or self._seen() != self._settled:
            if self._is_half_written():
                self.flygate("unlock", "local").ok()
            self.up(FORWARD).ok()
            self._settled = self._seen()

    def _end_leftovers(self) -> None:
        """Kill what a test began and did not wait for; it would hold the lock for all others."""
        for process in self._begun:
            for pid in _of_session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(10)
        self._begun.clear()

    def _is_half_written(self) -> bool:
        """A test that was ended half-way has left a lock, operations or half a state."""
        locks = (self.path / ".flygate/state/.pulumi/locks").rglob("*.json*")
        try:
            return any(locks) or bool(self._latest().get("pending_operations"))
        except (OSError, ValueError, KeyError):
            return True

    def _raise_local_fly(self) -> None:
        """With its faults: `make up` starts one without them if a test killed it."""
        with suppress(OSError):
            file = self.path / ".flygate/local/daemon.json"
            if "--faults" in json.loads(file.read_text(encoding="utf-8"))["options"]:
                return
        self.restart_local_fly()

    def restart_local_fly(self) -> None:
        """Its clock is right again then."""
        self.flygate("local", "down")
        self.flygate(*self.LOCAL_FLY).ok()

    def _seen(self) -> str:
        """Another text when the stack's state, its configuration or what runs has changed."""
        try:
            machines, latest = self.machines_of("flygate-local"), self._latest()
        except (httpx.HTTPError, OSError, ValueError, KeyError):
            return ""
        # Each update encrypts all secrets anew.
        resources = _CIPHERTEXT.sub(lambda one: str(len(one[0])), json.dumps(latest["resources"]))
        parts = [resources.encode(), json.dumps(latest.get("pending_operations")).encode()]
        parts += [(self.path / name).read_bytes() for name in sorted(self._originals)]
        kept = ("id", "instance_id", "cordoned", "config")
        shown = [
            {key: machine[key] for key in kept if key in machine}
            | {"serves": machine["state"] in _SERVING}
            for machine in machines
        ]
        return hashlib.sha256(b"".join(parts) + json.dumps(shown).encode()).hexdigest()

    def up(self, *orders: str) -> Run:
        """A plain `pulumi up`; its preview is what other tests look at.

        Args:
            orders: see `infra/flygate/commands/orders.py`.
        """
        words = ("up", "--stack", "local", "--yes", "--skip-preview")
        return self.pulumi(*words, extra=dict.fromkeys(orders, "1"))

    def config(self, path: str, value: str, *, secret: bool = False) -> None:
        """Set a value of the stack's configuration; a secret comes in on standard input."""
        if secret:
            script = '. .flygate/env && exec pulumi config set --stack local --secret --path "$1"'
            self.run("/bin/sh", "-c", script, "sh", path, given=value).ok()
        else:
            self.pulumi("config", "set", "--stack", "local", "--path", path, value).ok()

    def forget(self, path: str) -> None:
        """Remove a value of the stack's configuration."""
        self.pulumi("config", "rm", "--stack", "local", "--path", path)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the copy."""
        file = self._changing(name)
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        """Add lines to the end of a file of the copy."""
        with self._changing(name).open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")

    def restore(self, name: str) -> None:
        """A file as it was before it was first changed."""
        if name in self._originals:
            (self.path / name).write_bytes(self._originals[name])

    def reset(self) -> None:
        """All files as they were, and the stack's configuration as it was remembered."""
        for name in self._originals:
            self.restore(name)

    def remember(self, name: str) -> None:
        """A file's content is what `reset` brings back."""
        self._originals[name] = (self.path / name).read_bytes()

    def _changing(self, name: str) -> Path:
        if name not in self._originals:
            self.remember(name)
        return self.path / name

    def outputs_of(self, name: str) -> Any:
        """An output of the local stack that is no secret, as Pulumi's state has it."""
        resources = self._latest()["resources"]
        (stack,) = (one for one in resources if one["type"] == "pulumi:pulumi:Stack")
        return stack["outputs"][name]

    def _latest(self) -> dict[str, Any]:
        text = (self.path / _STATE).read_text(encoding="utf-8")
        latest: dict[str, Any] = json.loads(text)["checkpoint"]["latest"]
        return latest

    def state(self) -> dict[str, Any]:
        """The local stack's state as Pulumi exports it, secrets in plain text."""
        shown = self.pulumi("stack", "export", "--stack", "local", "--show-secrets").ok()
        state: dict[str, Any] = json.loads(shown.output[shown.output.index("{") :])
        return state

    def lay_state(self, state: dict[str, Any]) -> None:
        """Put a state in place of the local stack's; its secrets are encrypted with our key.

        Its address becomes this one: another local Fly served on another port.
        """
        self.import_state(state, self.secrets_providers(), self.outputs_of("url"))

    def secrets_providers(self) -> dict[str, Any]:
        """The key by which the local stack encrypts its secrets, as its state has it."""
        found: dict[str, Any] = self.state()["deployment"]["secrets_providers"]
        return found

    def import_state(self, state: dict[str, Any], own: dict[str, Any], url: str) -> None:
        """Import a state with the local stack's key and address."""
        laid = {**state, "deployment": {**state["deployment"], "secrets_providers": own}}
        file = self.path / "state.json"
        text = re.sub(r"http://flygate-local\.localhost:\d+", url, json.dumps(laid))
        file.write_text(text, encoding="utf-8")
        self.pulumi("stack", "import", "--stack", "local", "--file", str(file)).ok()
        file.unlink()

    def status(self) -> dict[str, Any]:
        """`flygate status --json`, whose start takes a second; see `machines()`, `outputs_of()`."""
        status: dict[str, Any] = json.loads(self.flygate("status", "--json").ok().output)
        return status

    def history(self) -> list[dict[str, Any]]:
        """`flygate history --json`."""
        history: list[dict[str, Any]] = json.loads(self.flygate("history", "--json").ok().output)
        return history

    def machines(self) -> list[dict[str, Any]]:
        """The machines as `flygate status --json` shows them."""
        url = self.local_fly()
        return asyncio.run(_machines(Endpoints(url, url, self._token), self.outputs_of("app")))

    def live(self) -> list[dict[str, Any]]:
        """The machines that serve."""
        return [m for m in self.machines() if m["role"] == "live"]

    def kept(self) -> list[dict[str, Any]]:
        """The machines, all of which a failed release leaves as it was.

        But for whether a live one sleeps: it does for want of requests, and any request wakes it.
        """
        changing = dict.fromkeys(("state", "healthy", "started_at"), "by requests")
        return [
            {**machine, **changing} if _may_sleep(machine) else machine
            for machine in self.machines()
        ]

    def serving(self) -> list[tuple[str, str, int]]:
        """Id, state and release of each live machine: what no repair may change.

        The state of one that serves is "serves": whether it sleeps meanwhile depends on requests.
        """
        return [
            (m["id"], "serves" if m["state"] in _SERVING else m["state"], m["release"])
            for m in self.live()
        ]

    def web(self, client: str = "127.0.0.1") -> httpx.Client:
        """A client of the deployed service, through the proxy; see `open_web`."""
        return open_web(self.outputs_of("url"), client)

    def inside(self, machine: str, script: str) -> dict[str, Any]:
        """What a Python script prints (JSON) inside a machine, with its files and environment."""
        app = self.outputs_of("app")
        self.by_hand("POST", f"/machines/{machine}/start")  # it may sleep, for want of requests
        answer = self.exec(app, machine, script)
        assert answer["exit_code"] == 0, answer
        reported: dict[str, Any] = json.loads(answer["stdout"])
        return reported

    def exec(self, app: str, machine: str, script: str) -> dict[str, Any]:
        """What the API answers to a Python script that shall run inside a machine."""
        answer: dict[str, Any] = httpx.post(
            f"{self.local_fly()}/v1/apps/{app}/machines/{machine}/exec",
            json={"command": ["python", "-c", script], "timeout": 20},
            headers=self.authorization,
            timeout=30,
            trust_env=False,
        ).json()
        return answer

    def by_hand(self, method: str, path: str) -> None:
        """What another operator does to the app, past Pulumi."""
        url = f"{self.local_fly()}/v1/apps/{self.outputs_of('app')}{path}"
        headers = self.authorization
        httpx.request(method, url, headers=headers, trust_env=False).raise_for_status()

    def apps(self) -> list[dict[str, Any]]:
        """All apps of the local Fly."""
        return list(self._asked("GET", "/v1/apps?org_slug=personal").json()["apps"])

    def volumes(self) -> list[dict[str, Any]]:
        """The volumes of the app."""
        return list(self._asked("GET", f"/v1/apps/{self.outputs_of('app')}/volumes").json())

    def machines_of(self, app: str) -> list[dict[str, Any]]:
        """All machines of an app, as the API shows them."""
        return list(self._asked("GET", f"/v1/apps/{app}/machines").json())

    def _asked(self, method: str, path: str) -> httpx.Response:
        headers = self.authorization
        url = self.local_fly() + path
        return httpx.request(method, url, headers=headers, trust_env=False).raise_for_status()

    @property
    def _token(self) -> str:
        return read_token(self.path / ".flygate/local")

    @property
    def authorization(self) -> dict[str, str]:
        """What the local Fly's API wants in the headers of each request."""
        return authorization(self.path / ".flygate/local")

    def local_fly(self) -> str:
        """The base URL of the local Fly's API."""
        info = json.loads((self.path / ".flygate/local/daemon.json").read_text(encoding="utf-8"))
        url = str(info["api_url"])
        assert url.startswith("http://127.0.0.1:")
        return url

    def processes(self) -> list[int]:
        """The processes that run in the copy, or out of it."""
        return [int(p.name) for p in Path("/proc").iterdir() if self._is_ours(p)]

    def _is_ours(self, process: Path) -> bool:
        if not process.name.isdigit() or int(process.name) == os.getpid():
            return False
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            return str(self.path) in command or str(self.path) in os.readlink(process / "cwd")
        except OSError:
            return False


async def _machines(endpoints: Endpoints, app: str) -> list[dict[str, Any]]:
    async with FlyClient(endpoints) as fly:
        state = await observe(fly, app)
    newest_first = sorted(state.machines, key=lambda m: (-m.release, m.region, m.name))
    return [asdict(machine) for machine in newest_first]


def _may_sleep(machine: Mapping[str, Any]) -> bool:
    return machine["role"] == "live" and machine["state"] in _SERVING


def _of_session(leader: int) -> Iterator[int]:
    """The numbers of the processes of a session that live."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                # The name stands in brackets, and may hold spaces; then: state, parent, group.
                after = (process / "stat").read_text().rpartition(")")[2].split()
                if int(after[3]) == leader and after[0] != "Z":
                    yield int(process.name)


def open_web(url: str, client: str = "127.0.0.1") -> httpx.Client:
    """A client of a service on the local Fly.

    Args:
        client: its address, on this machine.
    """
    base, headers = address(url)
    assert base.startswith("http://127.0.0.1:")
    transport = httpx.HTTPTransport(local_address=client)
    return httpx.Client(base_url=base, headers=headers, timeout=10, transport=transport)


def _newcomers_environment() -> dict[str, str]:
    """Ours, without what `.flygate/env` of this checkout put there."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    folders = [
        folder
        for folder in env["PATH"].split(os.pathsep)
        if not Path(folder).is_relative_to(ROOT) and "flygate" not in Path(folder).parts
    ]
    return {**env, "PATH": os.pathsep.join(folders)}
