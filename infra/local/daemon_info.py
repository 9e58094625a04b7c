"""`daemon.json`: what a daemon tells the world while it is ready."""

from dataclasses import dataclass

DAEMON_KEY = "daemon"


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    pid: int
    api_url: str
    proxy_url: str
    root: str
    started_at: str
    version: str
    dns: str = ""  # where its DNS answers: 127.0.0.1:port
