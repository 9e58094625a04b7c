"""The one way in which we use pulumi-command, where each line avoids a known trap of it.

- The command is a constant: what fails is printed with its command, so nothing secret, and
  nothing that differs between machines, may be in it.
- The public half goes in on standard input, where `pulumi preview --diff` shows it; the secret
  half in the environment, as a secret.
- Create and update are the same converging command; there are no triggers, which replace.
- Standard error is shown while it runs; standard output, the result, never is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_command import local

from infra.errors import FlygateError

# The plugin runs in the program's folder, `infra/`; a relative path is the same on all machines.
ROOT = ".."


def converging(
    name: str,
    operation: str,
    request: Mapping[str, Any],
    secrets: pulumi.Output[str] | None,
    opts: pulumi.ResourceOptions,
) -> local.Command:
    """A Command that runs `flygate op <operation>` whenever its request changes."""
    run = f"exec ./flygate op {operation}"
    return local.Command(
        name,
        create=run,
        update=run,
        delete=f"{run} --delete",
        dir=ROOT,
        stdin=json.dumps(request, indent=1, sort_keys=True),
        environment={"FLYGATE_SECRETS": secrets} if secrets is not None else None,
        logging=local.Logging.STDERR,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                additional_secret_outputs=[] if secrets is None else ["stdout", "stderr"]
            ),
        ),
    )


def read_only(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What `flygate op <operation>` prints; it runs in each preview, so it must only read.

    Raises:
        FlygateError: with the operation's own words.
    """
    try:
        result = local.run(
            command=f"exec ./flygate op {operation}",
            dir=ROOT,
            stdin=json.dumps(request),
            logging=local.Logging.NONE,
        )
    except Exception as exc:  # Pulumi raises plain ones, with the words deep inside
        raise FlygateError(_words(str(exc))) from None
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _words(failure: str) -> str:
    """What the operation said, without the layers around it."""
    return failure.rpartition("error: ")[2].strip() or failure
