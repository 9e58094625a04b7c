"""The `flygate` command: one verb a file, each a short runbook."""
