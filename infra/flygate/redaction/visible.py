"""Text of machines as a terminal may get it: what would move its cursor, change its title or turn
its lines around is shown and not done. Standard library only.
"""

from __future__ import annotations

import re

# All controls but the tab and the end of a line, and the signs that reorder or hide text.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The same with such signs written out, as in `\\x1b[2J`."""
    return _CONTROL.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
