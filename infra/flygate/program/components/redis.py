"""`UpstashRedis`: the Redis of a stack, and its URL."""

from __future__ import annotations

from dataclasses import asdict

import pulumi

from flygate.commands.inspection import Inspection
from flygate.config import StackConfig
from flygate.fly.redis import RedisSpec
from flygate.program.components.command import announcing, answer, converging
from flygate.program.components.names import former_names


class UpstashRedis(pulumi.ComponentResource):
    """A Redis, created or adopted by name.

    Where the stack is protected, Pulumi refuses to destroy it, and leaves it on Fly if an operator
    forces it.

    Args:
        observed: the drift token, and the Redis as Fly has it.

    Attributes:
        url: with the password in it, a secret.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: StackConfig,
        spec: RedisSpec,
        observed: Inspection,
        owner: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        aliases = pulumi.ResourceOptions(aliases=former_names(name))
        super().__init__("flygate:fly:Redis", name, {}, pulumi.ResourceOptions.merge(aliases, opts))
        # `wish` is its name in the states of users.
        request = {"app": stack.app, "wish": asdict(spec)}
        request |= {"drift": observed.drift, "owner": owner}
        if stack.takeover:
            request["takeover"] = stack.takeover
        command = converging(
            f"{name}-command",
            "redis",
            request,
            secrets=None,
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(
                    parent=self,
                    protect=stack.protect,
                    retain_on_delete=stack.protect,
                    additional_secret_outputs=["stdout"],
                ),
                announcing(name, _replacement(spec.name) if observed.redis else []),
            ),
        )
        self.url = pulumi.Output.secret(
            command.stdout.apply(lambda text: str(answer(text).get("url", "")))
        )
        self.register_outputs({})


def _replacement(name: str) -> list[str]:
    return [f"the Redis resource is replaced: {name} stays, with its URL and all that is in it"]
