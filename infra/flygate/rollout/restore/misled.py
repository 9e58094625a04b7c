"""Former machines that have started with the values of the release that is taken back.

Secrets are the app's on Fly: what starts while another release's values are set reads those, and
keeps them when they are taken back. Fly does not show it then, so it is reported before.
"""

from __future__ import annotations

from flygate.fly.errors import FlyError
from flygate.rollout.execution import Execution
from flygate.rollout.state import Seen, State, observe


async def report_misled(execution: Execution) -> str:
    """Journal and return sentences for the operator, with what to type; empty if there are none."""
    try:
        state = await observe(execution.fly, execution.app)
    except FlyError:
        return ""
    sentences = [_sentence(machine, execution) for machine in misled(state, execution)]
    for sentence in sentences:
        execution.journal.write("warning", "secrets", sentence)
    return " ".join(sentences)


def misled(state: State, execution: Execution) -> tuple[Seen, ...]:
    """Return those that started since this rollout, or an earlier run of it, made machines."""
    former = execution.target.former or 0
    if not state.secrets_moved(former):
        return ()
    began = {member.id: member.started_at for member in execution.former}
    known = {machine.id for machine in state.misled(former)}
    return tuple(
        m for m in state.of(former) if m.id in known or m.started_at > began.get(m.id, m.started_at)
    )


def _sentence(machine: Seen, execution: Execution) -> str:
    return (
        f"{machine.label} started while the secrets of {execution.target.name} were set, and has "
        f"them still: `fly machine restart {machine.id} -a {execution.app}`."
    )
