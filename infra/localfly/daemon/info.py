"""`daemon.json`: how to reach a daemon, written while it is ready."""

from dataclasses import dataclass
from typing import Any, Final

DAEMON_KEY: Final = "daemon"


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    pid: int
    api_url: str
    proxy_url: str
    root: str
    started_at: str
    version: str
    dns: str = ""  # where its DNS answers: 127.0.0.1:port
    options: tuple[str, ...] = ()  # the arguments that it was started with
    token_digest: str = ""  # of the tokens that it was started with, which no argument shows

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "DaemonInfo":
        return cls(**{**state, "options": tuple(state.get("options", ()))})
