"""What the operator has set, by variables of the environment."""

from .body import BodySettings
from .cluster import ClusterSettings
from .environment import SettingError
from .limiter import LimiterSettings
from .login import LoginSettings
from .service import Settings

__all__ = [
    "BodySettings",
    "ClusterSettings",
    "LimiterSettings",
    "LoginSettings",
    "SettingError",
    "Settings",
]
