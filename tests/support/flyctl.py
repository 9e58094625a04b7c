"""The real flyctl, where one is installed, or `FLYCTL` names it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

FLYCTL = os.environ.get("FLYCTL") or shutil.which("flyctl") or shutil.which("fly")
# Without them a name server of the internet, and the deployed app's public address, are asked.
DEPLOY = ("deploy", "--dns-checks=false", "--smoke-checks=false")


@dataclass(slots=True)
class Flyctl:
    """Runs commands in a folder with a fly.toml; every address that it knows is the local Fly's.

    Attributes:
        home: where it keeps its own files.
    """

    program: str
    folder: Path
    home: Path
    api_url: str
    token: str = "test-token"

    async def run(self, *words: str) -> str:
        """What the command wrote; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            *words,
            cwd=self.folder,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(90):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.decode()
        assert process.returncode == 0, text
        return text

    def _environment(self) -> dict[str, str]:
        """What would go elsewhere goes to the local Fly, which refuses it (docs/fly-api.md 1.6)."""
        services = ("API", "FLAPS", "UIEX", "METRICS", "SYNTHETICS")
        off = ("SEND_METRICS", "SYNTHETICS_AGENT")
        on = ("NO_UPDATE_CHECK", "NO_INCIDENTS_CHECK")
        return {
            **{f"FLY_{name}_BASE_URL": self.api_url for name in services},
            **{f"FLY_{name}": "0" for name in off},
            **{f"FLY_{name}": "1" for name in on},
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), self.api_url),
            "NO_PROXY": "127.0.0.1",
            "FLY_TRACE_COLLECTOR_URL": "127.0.0.1",
            "FLY_REGISTRY_HOST": self.api_url.removeprefix("http://"),
            "FLY_API_TOKEN": self.token,
            "FLY_CONFIG_DIR": str(self.home / "config"),
            "HOME": str(self.home),
            "DOCKER_HOST": "unix:///nonexistent.sock",
            "NO_COLOR": "1",
            "PATH": os.defpath,
        }
