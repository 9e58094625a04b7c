"""The one way in which we use pulumi-command, where each line avoids a known trap of it.

- The command is a constant: what fails is printed with its command, so nothing secret, and
  nothing that differs between machines, may be in it.
- The public half goes in on standard input, where `pulumi preview --diff` shows it; the secret
  half in the environment, as a secret.
- Create and update are the same converging command; there are no triggers, which replace.
- Standard error is shown while it runs; standard output, the framed result, never is.
- Pulumi may replace it (`--replace`, `state taint`): then its successor is made first, and its
  own delete leaves what the successor owns. A hook says so in the preview.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi_command import local

from flygate.program.components.names import former_names
from flygate.record import frame

# The plugin runs in the program's folder, `infra/`; a relative path is the same on all machines.
ROOT: Final = ".."


def converging(
    name: str,
    operation: str,
    request: Mapping[str, Any],
    secrets: Mapping[str, pulumi.Output[str]] | None,
    opts: pulumi.ResourceOptions,
) -> local.Command:
    """Return a Command that runs `flygate op <operation>` whenever its request changes.

    Args:
        secrets: variables of its environment; with any, its result is a secret, too.
    """
    run = f"exec ./flygate op {operation}"
    return local.Command(
        name,
        create=run,
        update=run,
        delete=f"{run} --delete",
        dir=ROOT,
        stdin=json.dumps(request, indent=1, sort_keys=True),
        environment=dict(secrets) if secrets else None,
        logging=local.Logging.STDERR,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                additional_secret_outputs=["stdout", "stderr"] if secrets else [],
                aliases=former_names(name),
            ),
        ),
    )


def announcing(name: str, lines: Sequence[str]) -> pulumi.ResourceOptions:
    """Warn what the replacement of a resource does, in its preview and when it is made.

    Args:
        name: of the resource, unique in the program.
        lines: for a resource that the state has already; none for one that is made.
    """
    if not lines:
        return pulumi.ResourceOptions()

    def warn(_: pulumi.ResourceHookArgs) -> None:
        for line in lines:
            pulumi.log.warn(line)

    options = pulumi.ResourceHookOptions(on_dry_run=True)
    hook = pulumi.ResourceHook(f"{name}-replacement", warn, options)
    # It runs for a create only: the create of what the state has is a replacement's.
    return pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook]))


def answer(result: str) -> dict[str, Any]:
    """Return the JSON that an operation left as its result; empty if it left none."""
    return frame.document(result) if result else {}
