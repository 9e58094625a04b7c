"""`make simulate`: many seeds, or one with its trace.

A seed that fails is reported with its shortest trace.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation import scenario as scenarios
from tests.simulation.run import Finding, run
from tests.simulation.scenario import Scenario
from tests.simulation.shrink import shortest


def main() -> int:
    """Run them; 1 if one fails."""
    asked = _arguments()
    if asked.seed is not None:
        return _replay(scenarios.drawn(asked.seed), is_long=asked.long)
    began, codes = time.perf_counter(), Counter[str]()
    failed: dict[str, list[int]] = {}
    for seed in range(asked.first, asked.first + asked.seeds):
        finding = run(scenarios.drawn(seed))
        codes.update("died" if code is None else f"exit {code}" for code in finding.codes)
        if finding.broken:
            failed.setdefault(finding.kind, []).append(seed)
            print(f"seed {seed}: {finding.broken[0]}", flush=True)
    seconds = time.perf_counter() - began
    counts = ", ".join(f"{name}: {count}" for name, count in sorted(codes.items()))
    print(
        f"{asked.seeds} seeds in {seconds:.0f} s ({asked.seeds / seconds:.1f} a second). {counts}"
    )
    for kind, seeds in failed.items():
        print(f"\n{len(seeds)} times: {kind}")
        _replay(scenarios.drawn(seeds[0]), is_long=False)
    return 1 if failed else 0


def _replay(scenario: Scenario, *, is_long: bool) -> int:
    """A seed with its trace; where it fails, the shortest way to it."""
    finding = run(scenario)
    if not finding.broken or is_long:
        _tell(scenario, finding)
        return 1 if finding.broken else 0
    short = shortest(scenario)
    print(f"The shortest way to what seed {scenario.seed} finds:")
    _tell(short, run(short))
    return 1


def _tell(scenario: Scenario, finding: Finding) -> None:
    print(scenario)
    print("\n".join(finding.trace))
    print(f"seed {scenario.seed}: {'; '.join(finding.broken) or 'all holds'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--seed", type=int, help="this one alone, with its trace")
    parser.add_argument("--long", action="store_true", help="its whole trace, also if it fails")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
