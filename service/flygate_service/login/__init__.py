"""Login protection: what stands between a password form and those who guess.

`passwords` is imported by itself, since only it needs argon2.
"""

from .device import DeviceCookies
from .guard import Attempt, LoginGuard, Outcome
from .lockout import Lockout
from .names import account_name
from .unlock import Unlock, Unlocked

__all__ = [
    "Attempt",
    "DeviceCookies",
    "Lockout",
    "LoginGuard",
    "Outcome",
    "Unlock",
    "Unlocked",
    "account_name",
]
