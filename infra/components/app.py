"""`FlyApp`: the app and its addresses."""

from __future__ import annotations

import json

import pulumi

from infra.components.command import converging
from infra.config import StackConfig


class FlyApp(pulumi.ComponentResource):
    """A Fly app, created or adopted by name.

    Attributes:
        url: its public address.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, stack: StackConfig, drift: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("flygate:fly:App", name, {}, opts)
        command = converging(
            f"{name}-command",
            "app",
            {"app": stack.app, "org": stack.org, "drift": drift},
            secrets=None,
            opts=pulumi.ResourceOptions(parent=self, protect=stack.protect),
        )
        self.url = command.stdout.apply(lambda text: str(json.loads(text)["url"]) if text else "")
        self.register_outputs({"url": self.url})
