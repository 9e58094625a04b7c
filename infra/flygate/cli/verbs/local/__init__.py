"""`flygate local`: the local Fly, by itself."""

from flygate.cli.verbs.local.daemon import commands

__all__ = ["commands"]
