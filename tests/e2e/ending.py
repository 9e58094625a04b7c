"""What a command has left: the machines, the leases and the ledger, read when nothing fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.project import Project
from tests.e2e.story import Content

APP = "flygate-local"
LEASE_SECONDS = 16.0
_SCRIPT = (
    "import json, os, pathlib, re;"
    "code = pathlib.Path('service/flygate_service/routes/api.py').read_text();"
    "print(json.dumps({'greeting': os.environ.get('GREETING', ''),"
    "'secret': os.environ.get('CHAOS', ''),"
    "'code': ''.join(re.findall(r'^# mark (.*)$', code, re.M))}))"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """One moment.

    Attributes:
        machines: of the app, as the API shows them, with their leases.
        history: newest first; None if it can't be read.
        content: what each live release is made of, by its version.
    """

    machines: list[dict[str, Any]]
    history: list[dict[str, Any]] | None
    content: dict[int, Content]

    @classmethod
    def of(cls, project: Project, *, patient: bool = True) -> Ending:
        """Look now.

        Args:
            patient: leases that could not be given back have the time to end by themselves;
                if not, they count for nothing.
        """
        machines = _machines(project)
        deadline = time.monotonic() + (LEASE_SECONDS if patient else 0)
        while any(map(_leased, machines)) and time.monotonic() < deadline:
            time.sleep(0.5)
            machines = _machines(project)
        shown = project.flygate("history", "--json")
        history = json.loads(shown.output) if shown.code == 0 else None
        if not patient:
            machines = [{**machine, "lease": None} for machine in machines]
        return cls(machines, history, _contents(project, machines))

    @property
    def version(self) -> int:
        """The release that serves; 0 if there is not exactly one."""
        return next(iter(self.content)) if len(self.content) == 1 else 0

    def wrong(self, wanted: Content) -> list[str]:
        """What is not as it must be where the wanted content serves alone; empty: nothing."""
        return list(self._wrong(wanted))

    def _wrong(self, wanted: Content) -> Iterator[str]:
        for machine in self.machines:
            name, role = machine["name"], _role(machine)
            if _leased(machine):
                yield f"a lease is left on {name}"
            if role == "candidate":
                yield f"{name} is left as a candidate"
            if role == "live" and (machine["state"] not in _WELL or machine.get("cordoned")):
                yield f"{name} is live, and {machine['state']}"
        if list(self.content.values()) != [wanted]:
            yield f"{self.content} serves, and not {wanted}"
        if self.history is None:
            yield "the ledger can't be read"
        elif not self.history or self.history[0]["version"] != f"v{self.version}":
            newest = self.history[0]["version"] if self.history else "nothing"
            yield f"v{self.version} serves, and the newest of the history is {newest}"


_WELL = {"started", "suspended"}


def _machines(project: Project) -> list[dict[str, Any]]:
    url = f"{project.local_fly()}/v1/apps/{APP}/machines?include_leases=true"
    headers = project.authorization
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=30).raise_for_status()
    return list(answer.json())


def _metadata(machine: dict[str, Any]) -> dict[str, str]:
    return dict(machine["config"].get("metadata") or {})


def _role(machine: dict[str, Any]) -> str:
    return _metadata(machine).get("flygate_role", "")


def _leased(machine: dict[str, Any]) -> bool:
    return bool(machine.get("lease"))


def _contents(project: Project, machines: list[dict[str, Any]]) -> dict[int, Content]:
    """By release; machines of one release that differ are no content of a release."""
    found: dict[int, Content] = {}
    live = [machine for machine in machines if _role(machine) == "live"]
    for version in {int(_metadata(machine)["flygate_release"].strip("v")) for machine in live}:
        ours = [m for m in live if _metadata(m)["flygate_release"].strip("v") == str(version)]
        reported = [_reported(project, m["id"]) for m in ours if m["state"] == "started"]
        if reported and all(one == reported[0] for one in reported):
            phase = int(_metadata(ours[0]).get("flygate_phase", "0"))
            found[version] = Content(**reported[0], machines=len(ours), phase=phase)
        else:
            found[version] = Content(greeting=f"reported {reported}", machines=len(ours))
    return found


def _reported(project: Project, machine: str) -> dict[str, str]:
    answer = project.exec(APP, machine, _SCRIPT)
    return dict(json.loads(answer["stdout"])) if answer.get("exit_code") == 0 else {}
