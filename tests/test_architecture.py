"""The import rules of docs/architecture.md, which are contracts in pyproject.toml."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import flygate
import grimp
import pytest
from importlinter import configuration
from importlinter.application import use_cases
from importlinter.domain.contract import Contract, registry

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("flygate", "localfly", "flygate_limiter", "flygate_service", "flygate_wire")


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
    assert Path(flygate.__file__).parents[2] == ROOT
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


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
    What an operator runs and what a machine runs never import each other
        flygate.rollout.gates.smoke → flygate_service.settings
        flygate_service.app → flygate.system.errors
    The limiter is a library of its own
        flygate_limiter.limiter → flygate_service.settings
        flygate_limiter.store.memory → flygate_service.metrics.telemetry
        flygate_limiter.quota → flygate.system.duration
    The limiter knows no framework
        flygate_limiter.headers → starlette
        flygate_limiter.limiter → fastapi
        flygate_limiter.events → prometheus_client
    The local Fly learns nothing from what is tested against it
        localfly.machines → flygate.fly.models
        localfly.api.machines → flygate.system.errors
    Only `flygate local` knows the local Fly
        flygate.cli.verbs.up → localfly.daemon
        flygate.commands.release → localfly.images
        flygate.program.deployment → localfly
    Nothing imports the command line
        flygate.commands.release → flygate.cli.stack.stack
        flygate.program.deployment → flygate.cli.verbs.op
    Only the program imports Pulumi's components
        flygate.commands.app → flygate.program.components.app
        flygate.cli.verbs.up → flygate.program.components.command
    Imports within flygate point down
        flygate.rollout.plan → flygate.commands.release
        flygate.fly.client → flygate.rollout.lock
        flygate.fly.client → flygate.manifest
        flygate.config.stack → flygate.manifest
        flygate.system.errors → flygate.config.prices
    Both sides of a wire share a library of its own
        flygate_wire.signature → flygate.system.errors
        flygate_wire.own_paths → flygate_limiter.quota
    Only one module of the limiter needs hiredis
        flygate_limiter.redis.link → hiredis
    Imports within the service point down
        flygate_service.asgi.messages → flygate_service.middleware.cors
        flygate_service.cluster.node → flygate_service.routes.cluster
    Imports within the local Fly point down
        localfly.errors → localfly.machines.fleet
        localfly.graphql.apps → localfly.api.server
    The nouns of GraphQL are independent
        localfly.graphql.apps → localfly.graphql.machines
    No package is in a circle
        flygate_limiter.quota → flygate_limiter.limiter
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
