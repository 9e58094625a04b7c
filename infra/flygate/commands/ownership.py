"""Check that a stack may change an app, and that a resource may destroy what it made."""

from __future__ import annotations

from collections.abc import Collection

from flygate.fly.models import App, Redis
from flygate.fly.owner import Owner, is_same, refusal
from flygate.rollout.state import LIVE, State
from flygate.system.errors import ConfigError, OwnerError


def check(state: State, ours: str, takeover: str) -> None:
    """Refuse an app that another stack releases.

    Args:
        ours: the label of the stack that asks.
        takeover: the label that its configuration names to take the app over from.

    Raises:
        OwnerError: names the owner, and the ways.
    """
    if not is_same(state.owner, ours) and state.owner != takeover:
        raise refusal(state.app, state.owner, ours)


def check_redis(redis: Redis, ours: str, takeover: str) -> None:
    """Refuse a Redis that another stack made.

    Raises:
        OwnerError: names the owner, and the ways.
    """
    if is_same(redis.owner, ours) or redis.owner == takeover:
        return
    theirs, mine = Owner.parse(redis.owner), Owner.parse(ours)
    at = f" --stack {mine.stack}" if mine else ""
    raise OwnerError(
        f"The Redis {redis.name} belongs to the stack {theirs.names if theirs else redis.owner}. "
        f"Nothing was changed. Use another one: `pulumi config set --path redis.name <name>{at}`. "
        f"To take it over from that stack permanently: `pulumi config set takeover "
        f"'{redis.owner}'{at}`."
    )


def check_org(app: App, org: str) -> None:
    """Refuse an app of another organisation.

    Raises:
        OwnerError: says the ways.
    """
    found = app.organization.slug
    if found and org and found != org:
        raise OwnerError(
            f"The app {app.name} is in the organisation {found}, and flygate:org is {org}. A "
            "deployment can't move it. Nothing was changed. If it is the right app: `pulumi config "
            f"set org {found}`. To move it: `fly apps move {app.name} --org {org}`, which restarts "
            f"its machines, or `flygate move <stack> --app <new name> --org {org}`."
        )


def check_known(app: str, org: str, slugs: Collection[str]) -> None:
    """Refuse a new app in an organisation that there is not.

    Args:
        slugs: of those that the token may see; none if that is not known.

    Raises:
        ConfigError: names them.
    """
    if slugs and org and org not in slugs:
        raise ConfigError(
            f"flygate:org is {org}, and the token sees no such organisation, so the new app {app} "
            f"can't be made. It sees {', '.join(sorted(slugs))}. Set one of them: `pulumi config "
            "set org <slug>`. Nothing was changed."
        )


def why_left(state: State, ours: str, tenure: str) -> str:
    """Say why a delete leaves the machines of an app alone; nothing if it destroys them.

    Pulumi replaces a resource by making its successor first and deleting the original afterwards,
    and the machines that serve are the successor's then.

    Args:
        tenure: of the resource that is deleted; empty if it is not known.
    """
    if not is_same(state.owner, ours):
        owner = Owner.parse(state.owner)
        return f"it belongs to the stack {owner.names if owner else state.owner}"
    live = [m for m in state.machines if m.role == LIVE and m.holder]
    successors = [m for m in live if m.holder != tenure]
    if tenure and successors:
        return f"v{successors[0].release} of the resource's successor runs there"
    return ""
