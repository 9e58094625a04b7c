"""Flygate's infrastructure: the Pulumi program, the Fly client, the rollout engine, the CLI."""
