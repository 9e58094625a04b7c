"""What the documents tell to type can be typed, and where they lead there is something."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from flygate.cli.__main__ import build

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "docs" / "ci" / "flygate.yml"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
_FLYGATE = re.compile(r"^(?:\$ )?(?:\./)?flygate (?P<words>.+)")
_OPTIONAL = re.compile(r" \[[^\]]*\]")
_PLACEHOLDER = re.compile(r"<[\w ]+>|…")
# Typer brings its own click, whose errors have no public name but this.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def blocks(text: str) -> Iterator[str]:
    """The lines of a document that are commands or their output, without their indentation."""
    for line in text.splitlines():
        if line.startswith("    "):
            yield line[4:]


def check(words: list[str]) -> None:
    """Parse a command line of `flygate`, and run nothing.

    Raises:
        UsageError: there is no such verb, option or argument.
    """
    command: Any = typer.main.get_command(build(words))
    context: Any = None
    while True:
        context = command.make_context(command.name or "flygate", list(words), parent=context)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest or not hasattr(command, "resolve_command"):
            return
        _, command, words = command.resolve_command(context, rest)


def typed() -> Iterator[tuple[str, str]]:
    """Each `flygate …` of the documents' code blocks."""
    for document in DOCUMENTS:
        for line in blocks(document.read_text(encoding="utf-8")):
            found = _FLYGATE.match(line)
            if found:
                words = _OPTIONAL.sub("", found["words"]).partition("  ")[0]
                words = _PLACEHOLDER.sub("placeholder", words)
                yield document.name, words.partition(" # ")[0].partition(" | ")[0]


@pytest.mark.parametrize(("document", "line"), sorted(set(typed())))
def test_a_command_of_the_documents_can_be_typed(document: str, line: str) -> None:
    """Its verb is there, and takes these options and as many arguments."""
    with suppress(typer.Exit):  # help was asked for
        check(shlex.split(line))


@pytest.mark.parametrize("line", ["frobnicate", "status --frob", "image build", "up a b"])
def test_a_wrong_command_would_be_found(line: str) -> None:
    """The check checks."""
    with pytest.raises(_UsageError):
        check(line.split())


def links() -> Iterator[tuple[Path, str]]:
    """Each link of a document to a file of the project."""
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                yield document, target


def anchors(document: Path) -> set[str]:
    """The headings of a document, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize(
    ("document", "target"), [pytest.param(d, t, id=f"{d.name}-{t}") for d, t in links()]
)
def test_a_link_leads_somewhere(document: Path, target: str) -> None:
    """The file is there, and has the heading."""
    name, _, anchor = target.partition("#")
    file = (document.parent / name).resolve() if name else document
    assert file.exists()
    if anchor:
        assert anchor in anchors(file)


class TestWorkflow:
    """The workflow for GitHub Actions, which can't run here."""

    @pytest.fixture
    def workflow(self) -> dict[Any, Any]:
        found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
        return found

    def test_its_commands_can_be_typed(self, workflow: dict[Any, Any]) -> None:
        """Those of `flygate`, and the scripts of this checkout; bash can read them all."""
        count = 0
        for script in scripts(workflow):
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            for line in script.splitlines():
                words = shlex.split(line.partition("|")[0]) if "flygate " in line else []
                if words and words[0] == "./flygate":
                    check(words[1:])
                    count += 1
                if line.startswith("scripts/"):
                    assert (ROOT / line).stat().st_mode & 0o100
        assert count == 4

    def test_nobodys_text_becomes_a_script(self, workflow: dict[Any, Any]) -> None:
        """A branch may be named $(rm -rf /): what is not ours comes in as a variable."""
        assert not [script for script in scripts(workflow) if "${{" in script]

    def test_actions_are_pinned_by_commit(self, workflow: dict[Any, Any]) -> None:
        """Each with its version beside it, which Dependabot renews."""
        used = [step["uses"] for job in workflow["jobs"].values() for step in steps(job, "uses")]
        assert used
        assert all(_PINNED.fullmatch(action) for action in used)
        versions = re.findall(r"uses: \S+ # v\d+\.\d+\.\d+$", WORKFLOW.read_text(), re.M)
        assert len(versions) == len(used)

    def test_rights_are_given_where_they_are_needed(self, workflow: dict[Any, Any]) -> None:
        """A job may read, one that writes says what; each has an environment and an end."""
        assert workflow["permissions"] == {"contents": "read"}
        for name, job in workflow["jobs"].items():
            assert job["environment"] == name
            assert job["timeout-minutes"] <= 120
            assert job["concurrency"]["cancel-in-progress"] == (name == "preview")
            assert set(job["permissions"]) <= {"contents", "pull-requests"}
        assert "head.repo.full_name == github.repository" in workflow["jobs"]["preview"]["if"]

    def test_its_secrets_are_explained(self, workflow: dict[Any, Any]) -> None:
        """In the page beside it, and each is given to the steps that need it only."""
        page = (WORKFLOW.parent / "README.md").read_text(encoding="utf-8")
        text = WORKFLOW.read_text(encoding="utf-8")
        named = set(re.findall(r"\$\{\{ (?:secrets|vars)\.(\w+) \}\}", text))
        assert {"FLY_API_TOKEN", "PULUMI_BACKEND_URL"} <= named
        assert not [name for name in named if f"`{name}`" not in page]
        for job in workflow["jobs"].values():
            given = [step for step in job["steps"] if "secrets." in str(step.get("env", ""))]
            assert len(given) == 1
            assert "secrets." not in str({**job, "steps": []})


def steps(job: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [step for step in job["steps"] if key in step]


def scripts(workflow: dict[Any, Any]) -> list[str]:
    return [step["run"] for job in workflow["jobs"].values() for step in steps(job, "run")]
