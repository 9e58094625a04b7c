"""The steps of a rollout: data that a plan is made of, each able to apply and to undo itself.

Both may run twice, and an undo may follow an apply that stopped half-way: each is idempotent.
"""

from infra.rollout.steps.admit import Admit
from infra.rollout.steps.adopt import Adopt
from infra.rollout.steps.destroy import Destroy
from infra.rollout.steps.launch import Launch
from infra.rollout.steps.part import Part
from infra.rollout.steps.record import OpenRecord
from infra.rollout.steps.retire import Retire
from infra.rollout.steps.revive import Revive
from infra.rollout.steps.secrets import ResetSecrets, SetSecrets
from infra.rollout.steps.settle import Settle
from infra.rollout.steps.shift import Shift
from infra.rollout.steps.slot import Slot
from infra.rollout.steps.step import Step, Turn
from infra.rollout.steps.wake import Wake

__all__ = [
    "Admit",
    "Adopt",
    "Destroy",
    "Launch",
    "OpenRecord",
    "Part",
    "ResetSecrets",
    "Retire",
    "Revive",
    "SetSecrets",
    "Settle",
    "Shift",
    "Slot",
    "Step",
    "Turn",
    "Wake",
]
