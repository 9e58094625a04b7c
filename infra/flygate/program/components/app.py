"""`FlyApp`: the app and its addresses."""

from __future__ import annotations

import pulumi

from flygate.config import StackConfig
from flygate.program.components.command import announcing, answer, converging
from flygate.program.components.names import former_names
from flygate.record.stack_record import StackRecord


class FlyApp(pulumi.ComponentResource):
    """A Fly app, created or adopted by name.

    Args:
        recorded: what the state has of it.
        owner: the label of this stack: see `infra/flygate/fly/owner.py`.

    Attributes:
        url: its public address.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: StackConfig,
        drift: str,
        recorded: StackRecord,
        owner: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        aliases = pulumi.ResourceOptions(aliases=former_names(name))
        super().__init__("flygate:fly:App", name, {}, pulumi.ResourceOptions.merge(aliases, opts))
        request = {"app": stack.app, "org": stack.org, "drift": drift, "owner": owner}
        if stack.takeover:
            request["takeover"] = stack.takeover
        lines = [
            f"the app's resource is replaced: {stack.app} stays, with its addresses, secrets, "
            "machines and data; nothing of it is made again"
        ]
        command = converging(
            f"{name}-command",
            "app",
            request,
            secrets=None,
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, protect=stack.protect),
                announcing(name, lines if recorded.app else []),
            ),
        )
        self.url = command.stdout.apply(lambda text: str(answer(text).get("url", "")))
        self.register_outputs({"url": self.url})
