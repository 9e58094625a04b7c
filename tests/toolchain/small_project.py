"""A small Pulumi project of its own for each test, whose PATH has the stand-ins."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = "urn:pulumi:test::small::command:local:Command::command"
_ROOT = Path(__file__).resolve().parents[2]
_HEAD = """
import pulumi
from pulumi_command import local
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A small Pulumi project with a stack `test` on a file backend."""

    folder: Path
    environment: dict[str, str]

    def program(self, body: str) -> None:
        (self.folder / "infra" / "__main__.py").write_text(_HEAD + body)

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        """What `pulumi` says on both streams."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *arguments: str, fails: bool = False) -> str:
        command = ["up", "--yes", "--skip-preview", "--stack", "test"]
        return self.pulumi(*command, *arguments, fails=fails)

    def outputs(self) -> Any:
        command = ["stack", "output", "--json", "--show-secrets", "--stack", "test"]
        return json.loads(self.pulumi(*command))

    def files(self) -> str:
        """Every text that Pulumi keeps: state, backups, history."""
        kept = self.folder / "state"
        return "".join(path.read_text() for path in kept.rglob("*") if path.is_file())


def make(folder: Path, plugin: str) -> Project:
    """A project whose PATH has our stand-ins and, of Pulumi, only the CLI.

    Args:
        plugin: the path of another plugin than the stand-in; empty for none.
    """
    cli = shutil.which("pulumi") or str(_ROOT / ".flygate" / "toolchain" / "bin" / "pulumi")
    if not Path(cli).exists():
        pytest.fail("no pulumi on the PATH: run scripts/bootstrap first, or `make test`")
    tools = folder / "a folder with spaces"
    tools.mkdir()
    (tools / "pulumi").symlink_to(Path(cli).resolve())
    stand_ins = _ROOT / "scripts" / "toolchain" / "standins"
    for name, other in (("pulumi-language-python", ""), ("pulumi-resource-command", plugin)):
        (tools / name).symlink_to(other or stand_ins / name)
    (folder / "infra").mkdir()
    (folder / "state").mkdir()
    (folder / "Pulumi.yaml").write_text("name: small\nmain: infra/\nruntime: python\n")
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Project(folder, environment)
    made.program("")
    made.pulumi("stack", "init", "test")
    return made
