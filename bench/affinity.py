"""`make bench-affinity`: what clients get of their limit, and what sticky sessions cost.

Everything on a local Fly: its proxy, machines that are processes, clients with an address each.
Every target is on loopback. ARGS="--only exact|latency|changes" measures a part.
"""

from bench import affinity_changes, affinity_exact, affinity_latency, parts

PARTS: dict[str, parts.Measure] = {
    "exact": affinity_exact.report,
    "latency": affinity_latency.report,
    "changes": affinity_changes.report,
}


if __name__ == "__main__":
    parts.run("affinity", PARTS, __doc__, (60, "how long each crowd asks"))
