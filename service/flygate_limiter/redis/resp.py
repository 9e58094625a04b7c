"""The protocol that Redis speaks (RESP), by hiredis: the library's only dependency, an extra."""

try:
    from hiredis import ProtocolError, Reader, ReplyError, pack_command
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError(
        "a store in Redis needs hiredis: pip install 'flygate-limiter[redis]'", name="hiredis"
    ) from exc

__all__ = ["ProtocolError", "Reader", "ReplyError", "Word", "pack"]

Word = str | bytes | int


def pack(*words: Word) -> bytes:
    """Return a command as it is sent."""
    packed: bytes = pack_command(words)  # type: ignore[arg-type] # hiredis says: only one word
    return packed
