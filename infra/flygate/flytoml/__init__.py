"""`fly.toml`, read as flyctl reads it: every key is honoured as there, or refused by name.

document (bytes → tables with lines) → old_forms → schema → refusals → `FlyToml` → machine.
"""

from flygate.flytoml.fly_toml import FlyToml
from flygate.flytoml.machine import machine_config
from flygate.flytoml.table import Table

__all__ = ["FlyToml", "Table", "machine_config"]
