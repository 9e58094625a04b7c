"""An application that keeps notes in SQLite, on a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx
from flygate.fly.web import address

from tests.e2e.project import Project

WEB: Final = '''\
"""Notes: a row for each POST, all rows for a GET."""

import os
import sqlite3

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

FILE = "/data/notes.db"


def database():
    """The file on the volume; its table is made with it."""
    found = sqlite3.connect(FILE)
    found.execute("create table if not exists notes (text text)")
    return found


async def add(request):
    """Keep a note."""
    with database() as notes:
        notes.execute("insert into notes values (?)", (request.query_params["text"],))
    return JSONResponse({}, status_code=201)


async def read(request):
    """All of them, oldest first."""
    rows = database().execute("select text from notes order by rowid").fetchall()
    machine = os.environ["FLY_MACHINE_ID"]
    return JSONResponse({"notes": [row[0] for row in rows], "machine": machine})


app = Starlette(
    routes=[Route("/notes", add, methods=["POST"]), Route("/notes", read, methods=["GET"])]
)


def broken():
    """A release that does not start."""
    raise RuntimeError("the notes are gone")
'''

MOUNT: Final = """
[[mounts]]
source = "notes"
destination = "/data"
initial_size = "2gb"
"""

CONFIG: Final = {
    "source": '["service","notes"]',
    "env.SERVICE_APP": "notes.web:app",
    "rollout.wait": "20s",
    "rollout.uptime": "0s",
    "rollout.drain": "1s",
}


def write(folder: Path) -> None:
    """Put the package `notes` into a project."""
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "web.py").write_text(WEB)


def add(project: Project, text: str) -> str:
    """Keep a note."""
    with project.web() as web:
        web.post("/notes", params={"text": text}).raise_for_status()
    return text


def all_of(project: Project) -> list[str]:
    """All notes that the machine has which answers."""
    with project.web() as web:
        found: list[str] = web.get("/notes").raise_for_status().json()["notes"]
    return found


def of_each(project: Project) -> list[list[str]]:
    """All notes of each machine."""
    base, headers = address(project.outputs_of("url"))
    assert base.startswith("http://127.0.0.1:")
    found: list[Any] = []
    for machine in project.live():
        asked = {**headers, "fly-force-instance-id": machine["id"]}
        answer = httpx.get(f"{base}/notes", headers=asked, timeout=10, trust_env=False)
        found.append(answer.raise_for_status().json()["notes"])
    return found
