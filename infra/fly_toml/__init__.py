"""`fly.toml`, read as flyctl reads it: every key is honoured as there, or refused by name.

document (bytes → tables with lines) → old_forms → schema → refusals → `FlyToml` → machine.
"""

from infra.fly_toml.file import FlyToml
from infra.fly_toml.machine import machine_config
from infra.fly_toml.table import Table

__all__ = ["FlyToml", "Table", "machine_config"]
