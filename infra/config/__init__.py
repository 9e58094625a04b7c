"""What the user asked for: the stack's configuration, typed and checked.

`Pulumi.<stack>.yaml` → `StackConfig`. An error names every key that is wrong, the value found
and what to do. Secret values are apart, and stay Pulumi secrets (see `infra/inputs.py`).
"""

from infra.config.hooks import Hooks
from infra.config.pin import Pin
from infra.config.reading import PROJECT, STRUCTURED, load, load_redis_url, load_secrets
from infra.config.rollout import By, Judge, Rollout, Strategy
from infra.config.smoke import Smoke, SmokeRequest
from infra.config.stack import SOURCE, Owner, StackConfig

__all__ = [
    "PROJECT",
    "SOURCE",
    "STRUCTURED",
    "By",
    "Hooks",
    "Judge",
    "Owner",
    "Pin",
    "Rollout",
    "Smoke",
    "SmokeRequest",
    "StackConfig",
    "Strategy",
    "load",
    "load_redis_url",
    "load_secrets",
]
