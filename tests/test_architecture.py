"""The import rules of docs/architecture.md, which are contracts in pyproject.toml."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import configuration
from importlinter.application import use_cases
from importlinter.domain.contract import Contract, registry

import infra

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    """The contracts by their names."""
    configuration.configure()
    options = use_cases.read_user_options(str(ROOT / "pyproject.toml"))
    use_cases._register_contract_types(options)
    return {
        str(given["name"]): registry.get_contract_class(str(given["type"]))(
            str(given["name"]), options.session_options, given
        )
        for given in options.contracts_options
    }


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Every import of the project, as it is."""
    assert Path(infra.__file__).parent.parent == ROOT
    return grimp.build_graph("infra", "service", include_external_packages=True, cache_dir=None)


def names(text: str) -> Any:
    """The parameters of a test from a table of `importer → imported` lines under headings."""
    heading, rows = "", []
    for line in filter(None, map(str.strip, text.splitlines())):
        importer, arrow, imported = line.partition(" → ")
        if arrow:
            rows.append((heading, importer, imported))
        else:
            heading = line
    return rows


BROKEN = names(
    """
    infra and service never import each other
        infra.rollout.smoke → service.settings
        service.main → infra.errors
    The limiter is a library of its own
        service.limiter.limiter → service.settings
        service.limiter.store.memory → service.telemetry
        service.limiter.quota → infra.duration
    The limiter knows no framework
        service.limiter.headers → starlette
        service.limiter.limiter → fastapi
        service.limiter.events → prometheus_client
    The local Fly learns nothing from what is tested against it
        infra.local.machines → infra.fly.models
        infra.local.api.machines → infra.errors
    Only `flygate local` knows the local Fly
        infra.cli.up → infra.local.daemon
        infra.ops.release → infra.local.images
        infra.__main__ → infra.local
    Nothing imports the command line
        infra.ops.release → infra.cli.stack
        infra.__main__ → infra.cli.op
    Only the program imports Pulumi's components
        infra.ops.app → infra.components.app
        infra.cli.up → infra.components.command
    Imports within infra point down
        infra.rollout.plan → infra.ops.release
        infra.fly.client → infra.rollout.lock
        infra.manifest → infra.fly.models
        infra.config → infra.manifest
        infra.errors → infra.prices
    """
)


def test_every_rule_holds(contracts: dict[str, Contract], imports: grimp.ImportGraph) -> None:
    """`lint-imports` says where one does not."""
    broken = [
        name
        for name, contract in contracts.items()
        if not contract.check(copy.deepcopy(imports), verbose=False).kept
    ]

    assert broken == []


@pytest.mark.parametrize(("rule", "importer", "imported"), BROKEN)
def test_a_rule_is_broken_by_an_import_against_it(
    contracts: dict[str, Contract],
    imports: grimp.ImportGraph,
    rule: str,
    importer: str,
    imported: str,
) -> None:
    """A rule that nothing can break would hold nothing."""
    changed = copy.deepcopy(imports)
    assert importer in changed.modules
    if imported not in changed.modules:
        changed.add_module(imported, is_squashed=True)
    changed.add_import(importer=importer, imported=imported)

    assert not contracts[rule].check(changed, verbose=False).kept


def test_every_rule_is_broken_by_some_import(contracts: dict[str, Contract]) -> None:
    """No contract is without its counter-example above."""
    assert set(contracts) == {rule for rule, _, _ in BROKEN}
