"""The real Pulumi CLI on an empty project: the errors that it gives today have their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flygate.pulumi import errors
from flygate.pulumi.pulumi import Pulumi
from flygate.system import project

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class OnDisk(Pulumi):
    """A stack whose state is in a folder."""

    environment: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., OnDisk]:
    """Makes it, with other variables if need be."""
    (tmp_path / "Pulumi.yaml").write_text("name: flygate\nruntime: yaml\nresources: {}\n")
    (tmp_path / "state").mkdir()
    variables = project.environment(ROOT) | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "one",
    }
    return lambda **more: OnDisk("demo", tmp_path, variables | more)


def test_the_cli_s_errors_are_typed(stack: Callable[..., OnDisk], tmp_path: Path) -> None:
    """Those that code depends on, as the pinned CLI words them."""
    demo = stack()
    with pytest.raises(errors.NoSuchStackError, match="flygate init demo"):
        demo.outputs()
    demo.ask("stack", "init", "--no-select", "--non-interactive")
    with pytest.raises(errors.StackExistsError):
        demo.ask("stack", "init", "--no-select", "--non-interactive")
    assert demo.config("pin") is None
    assert demo.config("secrets.ADMIN_TOKEN") is None
    demo.ask("config", "set", "--secret", "--path", "secrets.ADMIN_TOKEN", given="hidden")
    assert demo.config("secrets.ADMIN_TOKEN") == "hidden"
    with pytest.raises(errors.WrongPassphraseError):
        stack(PULUMI_CONFIG_PASSPHRASE="two").secret_texts()
    with pytest.raises(errors.BackendError):
        stack(PULUMI_BACKEND_URL="file:///nowhere/at/all").outputs()
    (tmp_path / "state/.pulumi/stacks/flygate/demo.json").write_text("")
    with pytest.raises(errors.CutOffError, match="flygate unlock demo"):
        demo.outputs()


def test_without_a_cli_it_says_so(stack: Callable[..., OnDisk], tmp_path: Path) -> None:
    """And what to run."""
    with pytest.raises(errors.NotInstalledError, match="scripts/bootstrap"):
        stack(PATH=str(tmp_path)).outputs()
