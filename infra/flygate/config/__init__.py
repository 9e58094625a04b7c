"""The stack's configuration, typed and checked.

`Pulumi.<stack>.yaml` → `StackConfig`. An error names every key that is wrong, the value found
and what to do. Secret values are apart, and stay Pulumi secrets (see `flygate/program/inputs.py`).
"""

from flygate.config.hooks import HooksConfig
from flygate.config.loader import PROJECT, STRUCTURED, load, load_redis_url, load_secrets
from flygate.config.pin import Pin
from flygate.config.rollout import By, JudgeConfig, RolloutConfig, Strategy
from flygate.config.smoke import SmokeConfig, SmokeRequest
from flygate.config.stack import SOURCE, Owner, StackConfig

__all__ = [
    "PROJECT",
    "SOURCE",
    "STRUCTURED",
    "By",
    "HooksConfig",
    "JudgeConfig",
    "Owner",
    "Pin",
    "RolloutConfig",
    "SmokeConfig",
    "SmokeRequest",
    "StackConfig",
    "Strategy",
    "load",
    "load_redis_url",
    "load_secrets",
]
