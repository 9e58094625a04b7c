"""Faults on demand, for tests of whatever uses the local Fly: only with `--faults`."""
