"""Clocks, durations, waiting, and background tasks."""
