"""What an operator runs: the Pulumi program, the Fly client, the rollout engine, the CLI."""
