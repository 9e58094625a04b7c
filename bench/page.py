"""docs/benchmarks.md: each benchmark owns the part between its two markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HEAD = """# Benchmarks

Each table is written by a `make bench…` target, all columns of one table in one run. Machines
differ and are shared: compare ratios and medians, not single figures.
"""
TITLES = {
    "up": "From a change to live (`make bench`)",
    "rollout": "Back from a bad release (`make bench-rollout`)",
    "chaos-faults": "While Fly's API fails (`make bench-chaos`)",
    "chaos-crashes": "While processes are killed (`make bench-chaos`)",
    "service": "The service on one machine (`make bench-service`)",
    "limiter": "The limiter (`make bench-limiter`)",
    "affinity-exact": "Sticky sessions: exactness (`make bench-affinity`)",
    "affinity-latency": "Sticky sessions: what they cost (`make bench-affinity`)",
    "affinity-changes": "Sticky sessions: while machines change (`make bench-affinity`)",
    "attacks": "Tried (`make attack`)",
    "phases-changes": "Phases: while they change (`make bench-phases`)",
    "phases-outage": "Phase 3: while Redis is away (`make bench-phases`)",
}


def write(path: Path, name: str, text: str) -> None:
    """Replace one benchmark's part of the page, or add it."""
    page = path.read_text(encoding="utf-8") if path.exists() else HEAD
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    part = f"{begin}\n## {TITLES.get(name, name)}\n\n{text.strip()}\n{end}"
    if begin in page:
        before, _, rest = page.partition(begin)
        page = before + part + rest.partition(end)[2]
    else:
        page = f"{page.rstrip()}\n\n{part}\n"
    path.write_text(page, encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)
