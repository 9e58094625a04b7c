"""Whole rollouts on a virtual clock against a Fly in memory: see docs/simulation.md."""
