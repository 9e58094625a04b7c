"""What a month costs, by a dated price table. An estimate for plans, never a bill.

Sources: superfly/docs, read 2026-08 (Upstash plans, memory, IPv4); the monthly price of the
smallest machine in a baseline region as reported in 2026-06. Regions differ by some 20 %.
"""

from __future__ import annotations

PRICES_AS_OF = "2026-08"

SHARED_CPU_256MB = 2.02
GB_OF_MEMORY = 5.00
REDIS_PLANS = {"fixed_250mb": 10.00, "fixed_1gb": 20.00, "fixed_5gb": 100.00}

_SHARED_MEMORY_MB_PER_CPU = 256


def machine_month(cpus: int, memory_mb: int) -> float:
    """Dollars for a shared-cpu machine that runs for a whole month."""
    included_mb = cpus * _SHARED_MEMORY_MB_PER_CPU
    extra_gb = max(0, memory_mb - included_mb) / 1024
    return round(cpus * SHARED_CPU_256MB + extra_gb * GB_OF_MEMORY, 2)


def redis_month(plan: str | None) -> float:
    """Dollars for a month of a Redis plan; none costs nothing."""
    return REDIS_PLANS[plan] if plan else 0.0
