"""How often the judge of a soak is right, by the size of its sample: the table of docs/judge.md.

    python -m bench.judge

It simulates; it measures no time. Each cell is 200 rollouts with seeds 0 to 199.
"""

from __future__ import annotations

from collections import Counter

from flygate.config import JudgeConfig
from flygate.rollout.judge.rules import Rules

from tests.infra.rollout.judge import simulated_soak
from tests.infra.rollout.judge.simulated_soak import Difference, soak_of

ROLLOUTS = 200
RELEASES = {
    "good": Difference(),
    "5 points more 5xx": Difference(errors=0.05),
    "1.5 times as slow": Difference(slower=1.5),
    "3 times as slow": Difference(slower=3.0),
}


def main() -> None:
    """Print the table as Markdown."""
    least = JudgeConfig().minimum
    sizes = (least // 2, 100, least, 2 * least, 10 * least)
    print("| requests | " + " | ".join(RELEASES) + " |")
    print("|---" * (len(RELEASES) + 1) + "|")
    for size in sizes:
        cells = " | ".join(_cell(size, release) for release in RELEASES.values())
        print(f"| {size} | {cells} |")


def _cell(size: int, release: Difference) -> str:
    rules = Rules(
        JudgeConfig(minimum=min(size, JudgeConfig().minimum) // 2), looks=simulated_soak.LOOKS
    )
    found = Counter(soak_of(seed, size, release, rules).outcome for seed in range(ROLLOUTS))
    shares = (100 * found[outcome] / ROLLOUTS for outcome in ("pass", "inconclusive", "fail"))
    return " / ".join(f"{share:g}" for share in shares)


if __name__ == "__main__":
    main()
