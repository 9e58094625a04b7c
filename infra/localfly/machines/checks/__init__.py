"""Health checks of machines: what they are (spec), one evaluation (probe), the loop (runner)."""
