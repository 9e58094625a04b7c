"""`flygate`: finds the verb's file, runs it, and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import sys

import typer

from flygate.cli.misused import MISUSED, check_words
from flygate.system import space
from flygate.system.errors import FlygateError

# Only the file of the verb that was typed is imported: `op` runs inside every deployment.
VERBS = (
    "up",
    "init",
    "doctor",
    "plan",
    "status",
    "history",
    "diff",
    "judge",
    "rollback",
    "forward",
    "proceed",
    "abort",
    "unlock",
    "image",
    "promote",
    "ledger",
    "move",
    "limiter",
    "redis",
    "local",
    "op",
)

PARSERS_OWN = 2

HELP = """Deploy a rate-limited service on Fly.io, or on a Fly of your own on this machine.

\b
Examples:
  flygate up                      the local Fly, and the service on it
  flygate status                  what runs, and from which release
  flygate rollback local          take the last release back
  flygate history local --json    the releases, for scripts
"""


def main() -> None:
    """The entry point."""
    try:
        check_words(sys.argv[1:])
        build(sys.argv[1:])(prog_name="flygate")
    except FlygateError as exc:
        if str(exc):
            print(f"error: {exc}", file=sys.stderr, flush=True)
        sys.exit(exc.exit_code)
    except OSError as exc:
        if (told := space.full(exc)) is None:
            raise
        print(f"error: {told}", file=sys.stderr, flush=True)
        sys.exit(told.exit_code)
    except SystemExit as exc:
        # The parser's own 2 would say "failed, and all is as before".
        sys.exit(MISUSED if exc.code == PARSERS_OWN else exc.code)


def build(arguments: list[str]) -> typer.Typer:
    """The command with the verb that is asked for, or with all of them for help."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help keeps our line breaks
    )
    app.callback()(lambda: None)
    asked = [verb for verb in arguments[:1] if verb in VERBS]
    for verb in asked or VERBS:
        importlib.import_module(f"flygate.cli.{verb}").register(app)
    return app


if __name__ == "__main__":
    main()
