"""`Release`: the manifest that runs, and the ledger of those that ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from infra.components.command import converging
from infra.rollout.ledger import Ledger


class Release(pulumi.ComponentResource):
    """A rollout for each change of the request.

    Attributes:
        history: the releases, newest first, without anything secret.
    """

    history: pulumi.Output[list[dict[str, Any]]]

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
        self.register_outputs({"history": self.history})
