"""An application that we did not write, wrapped as a user would: Datasette over a small file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

WEB: Final = '''\
"""The catalog: Datasette, which publishes a SQLite file."""

from pathlib import Path

from datasette.app import Datasette


def app():
    """The ASGI application that SERVICE_APP names."""
    return Datasette([], immutables=[Path(__file__).parent / "fruit.db"]).app()
'''

POLICIES: Final = """\
[[policy]]
name = "site"
quota = "600/m burst 60"

[[policy]]
name = "tables"
quota = "6/m burst 6"
routes = ["GET /fruit/{table}"]

[[policy]]
name = "sql"
quota = "2/m burst 2"
routes = ["GET /fruit"]
"""

ROWS: Final = 3000


def write(folder: Path) -> None:
    """Put the package `catalog` with its database and its policies into a project."""
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "web.py").write_text(WEB)
    (folder / "policies.toml").write_text(POLICIES)
    database = sqlite3.connect(folder / "fruit.db")
    with database:
        database.execute("create table apples (id integer primary key, name text)")
        rows = ((number, f"apple {number}") for number in range(1, ROWS + 1))
        database.executemany("insert into apples values (?, ?)", rows)
    database.close()
