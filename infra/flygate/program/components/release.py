"""`Release`: the manifest that runs, and the ledger of those that ran."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from flygate.program.components.command import announcing, converging
from flygate.program.components.names import former_names
from flygate.record.stack_record import StackRecord


class Release(pulumi.ComponentResource):
    """A rollout for each change of the request.

    Args:
        secrets: variables of the operation, each a secret.
        recorded: what the state has of it.
        plan: what a rollout would do, for the preview of a replacement.
        opts: where they protect it, its Command is protected, too: the machines and the ledger.

    Attributes:
        history: the releases, newest first, without anything secret.
        running: what the next preview compares with, a secret.
        ledger: all of the ledger, a secret.
    """

    history: pulumi.Output[list[dict[str, Any]]]
    running: pulumi.Output[str]
    ledger: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        request: Mapping[str, Any],
        secrets: Mapping[str, pulumi.Output[str]],
        recorded: StackRecord,
        plan: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        aliases = pulumi.ResourceOptions(aliases=former_names(name))
        super().__init__(
            "flygate:fly:Release", name, {}, pulumi.ResourceOptions.merge(aliases, opts)
        )
        command = converging(
            f"{name}-command",
            "release",
            request,
            secrets=secrets,
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self),
                announcing(name, _replacement(recorded, plan)),
            ),
        )
        # The ledger is secret as a whole; what `history` keeps of it is not.
        ledger = command.stdout.apply(recorded.after)
        self.history = pulumi.Output.unsecret(ledger.apply(lambda known: known.history()))
        # As text: what comes back of a map has lost its nulls, and its whole numbers.
        self.running = pulumi.Output.secret(ledger.apply(lambda known: json.dumps(known.running())))
        self.ledger = pulumi.Output.secret(ledger.apply(lambda known: known.content()))
        self.register_outputs({"history": self.history})


def _replacement(recorded: StackRecord, plan: Sequence[str]) -> list[str]:
    """Say what a replacement by Pulumi does to the running release."""
    if not recorded.has_result:
        return []
    return [
        "the release's resource is replaced: what is asked for is released once more, the history "
        "is kept, and the machines that serve now go to standby as in any release; none is "
        "destroyed by the replacement",
        *plan,
    ]
