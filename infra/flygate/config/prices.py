"""The price of a month, by a dated price table: an estimate for plans, never a bill.

Sources: superfly/docs, read 2026-08 (Upstash plans, memory, IPv4); the monthly price of the
smallest machine in a baseline region as reported in 2026-06. Regions differ by some 20 %.
"""

from __future__ import annotations

from typing import Final

PRICES_AS_OF: Final = "2026-08"

SHARED_CPU_256MB: Final = 2.02
GB_OF_MEMORY: Final = 5.00
# Snapshots are apart: 10 GB of them are free.
GB_OF_VOLUME: Final = 0.15
# Dollars a month, and for each read region; pay-as-you-go is $0.20 per 100,000 commands.
BY_USE: Final = "pay_as_you_go"
REDIS_PLANS: Final = {
    BY_USE: (0.00, 0.00),
    "fixed_250mb": (10.00, 5.00),
    "fixed_1gb": (20.00, 10.00),
    "fixed_5gb": (100.00, 50.00),
    "fixed_10gb": (200.00, 100.00),
    "fixed_50gb": (400.00, 200.00),
}

_SHARED_MEMORY_MB_PER_CPU: Final = 256


def machine_month(cpus: int, memory_mb: int, cpu_kind: str = "shared") -> float:
    """Return dollars for a machine that runs for a month; 0 for a performance CPU: not known."""
    if cpu_kind != "shared":
        return 0.0
    included_mb = cpus * _SHARED_MEMORY_MB_PER_CPU
    extra_gb = max(0, memory_mb - included_mb) / 1024
    return round(cpus * SHARED_CPU_256MB + extra_gb * GB_OF_MEMORY, 2)


def volume_month(size_gb: int) -> float:
    """Return dollars for a volume, whether a machine has it or not."""
    return round(size_gb * GB_OF_VOLUME, 2)


def redis_month(plan: str | None, read_regions: int = 0) -> float:
    """Return dollars for a month of a Redis plan; 0 for no plan and for an unknown one."""
    base, each = REDIS_PLANS.get(plan or "", (0.0, 0.0))
    return base + each * read_regions
