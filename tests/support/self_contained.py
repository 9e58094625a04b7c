"""A contract for import-linter: a package that imports none of the project's packages but itself.

Its built-in contracts need a list of what is forbidden, which a new module would not be on.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class SelfContained(Contract):
    """`package` may be lifted out: of the project's packages it imports only its own modules."""

    type_name = "self_contained"

    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find each import that leads out."""
        name = str(self.package)
        inside = {name, *graph.find_descendants(name)}
        leading_out = sorted(
            (importer, imported)
            for importer in inside
            for imported in graph.find_modules_directly_imported_by(importer)
            # What is not ours is in the graph without its inside ("squashed").
            if imported not in inside and not graph.is_module_squashed(imported)
        )
        return ContractCheck(kept=not leading_out, metadata={"leading_out": leading_out})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """A line for each of them."""
        for importer, imported in check.metadata["leading_out"]:
            output.print_error(f"{importer} imports {imported}", bold=False)
