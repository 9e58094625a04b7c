"""The steps of a rollout: data that a plan is made of, each able to apply and to undo itself.

Both may run twice, and an undo may follow an apply that stopped half-way: each is idempotent.
"""

from flygate.rollout.steps.admit import Admit, Readmit
from flygate.rollout.steps.adopt import Adopt
from flygate.rollout.steps.destroy import Destroy
from flygate.rollout.steps.launch import Launch
from flygate.rollout.steps.make import Make
from flygate.rollout.steps.part import Part
from flygate.rollout.steps.place import Place
from flygate.rollout.steps.record import OpenRecord
from flygate.rollout.steps.retire import Retire
from flygate.rollout.steps.revive import Revive
from flygate.rollout.steps.run_command import (
    DestroyCommand,
    RecallCommand,
    RemoveCommands,
    RunCommand,
)
from flygate.rollout.steps.secrets import ResetSecrets, SetSecrets
from flygate.rollout.steps.settle import Settle
from flygate.rollout.steps.shift import Shift
from flygate.rollout.steps.slot import Slot
from flygate.rollout.steps.step import Step, Turn
from flygate.rollout.steps.update import Update
from flygate.rollout.steps.wake import Wake

__all__ = [
    "Admit",
    "Adopt",
    "Destroy",
    "DestroyCommand",
    "Launch",
    "Make",
    "OpenRecord",
    "Part",
    "Place",
    "Readmit",
    "RecallCommand",
    "RemoveCommands",
    "ResetSecrets",
    "Retire",
    "Revive",
    "RunCommand",
    "SetSecrets",
    "Settle",
    "Shift",
    "Slot",
    "Step",
    "Turn",
    "Update",
    "Wake",
]
