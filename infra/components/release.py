"""`Release`: the manifest that runs, and the ledger of those that ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from infra.components.command import converging
from infra.rollout.ledger import Ledger


class Release(pulumi.ComponentResource):
    """A rollout for each change of the request.

    Attributes:
        history: the releases, newest first, without anything secret.
        running: what the next preview compares with, a secret.
    """

    history: pulumi.Output[list[dict[str, Any]]]
    running: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        request: Mapping[str, Any],
        secrets: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("flygate:fly:Release", name, {}, opts)
        command = converging(
            f"{name}-command",
            "release",
            request,
            secrets=secrets,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # The ledger is secret as a whole; what `history` keeps of it is not.
        self.history = pulumi.Output.unsecret(
            command.stdout.apply(lambda text: Ledger.parse(text).history())
        )
        # As text: what comes back of a map has lost its nulls, and its whole numbers.
        self.running = pulumi.Output.secret(
            command.stdout.apply(lambda text: json.dumps(Ledger.parse(text).running()))
        )
        self.register_outputs({"history": self.history})
