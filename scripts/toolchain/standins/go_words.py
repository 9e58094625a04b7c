"""What Go's os/exec and strconv say, so that a failure reads as the plugin's does."""

import os
import signal

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quoted(text: str) -> str:
    """`text` as the verb %q writes it."""
    return '"' + "".join(map(_quoted, text)) + '"'


def not_started(program: str, directory: str | None, error: OSError | ValueError) -> str:
    """Why a process could not be started, by the exception of Python's attempt."""
    if directory and not os.path.exists(directory):
        return f"chdir {directory}: no such file or directory"
    # Python refuses a NUL by itself, Go's call of the system does.
    reason = error.strerror if isinstance(error, OSError) else "invalid argument"
    return f"fork/exec {program}: {(reason or 'error').lower()}"


def ended(status: int) -> str:
    """Words for a process state that is not success; none for success."""
    if status < 0:
        return f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"exit status {status}" if status else ""


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
