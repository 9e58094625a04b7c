"""`PreviewNote`: what a preview saw of the live app; an update that follows it must find the same.

`pulumi up` runs the program twice, and Pulumi compares inputs only: it would not notice another
deployment between the preview and the yes. Both runs are below one process of the CLI, by which the
preview's note is recognised: `up --skip-preview`, as the Automation API runs it, follows none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from flygate.system import private
from flygate.system.errors import MovedError
from flygate.system.processes import ancestor

# An operator reads a preview for minutes at most; an older one belongs to no update.
SECONDS_MAX: Final = 600


class PreviewNote:
    """The file that the last preview from this checkout left."""

    def __init__(self, root: Path, app: str) -> None:
        self._path = root / ".flygate" / "preview" / f"{app}.json"

    def write(self, state: str, lines: Sequence[str]) -> None:
        """Note the state that the preview is based on, and its lines."""
        private.folder(self._path.parent)
        noted = {"state": state, "at": time.time(), "by": _cli(), "lines": list(lines)}
        private.write(self._path, json.dumps(noted))

    @property
    def lines(self) -> list[str]:
        """The lines of the last preview."""
        return list(self._read().get("lines", []))

    @property
    def is_ours(self) -> bool:
        """Whether the run of Pulumi that this is part of made the last preview."""
        by = self._read().get("by")
        return by is not None and by == _cli()

    def check(self, state: str) -> None:
        """Compare, and forget the note: an update without a preview is compared with nothing.

        Raises:
            MovedError: the live app is not what the preview showed.
        """
        noted, is_ours = self._read(), self.is_ours
        self.forget()
        if is_ours and time.time() - noted["at"] < SECONDS_MAX and noted["state"] != state:
            raise MovedError(
                "The live app has changed since the preview: a deployment, a stop or an edit came "
                "between. Nothing was changed. Run the same command again, and look "
                "at the new preview."
            )

    def forget(self) -> None:
        """Remove the note: what follows was not previewed."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found


def _cli() -> int | None:
    """Return the process of the Pulumi CLI that runs this program."""
    return ancestor("pulumi")
