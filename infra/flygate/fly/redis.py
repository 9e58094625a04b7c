"""Upstash Redis databases: Fly's add-ons, through the GraphQL that flyctl uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flygate.fly import graphql
from flygate.fly.errors import InvalidRequestError, NameTakenError, NotFoundError
from flygate.fly.models import Redis
from flygate.fly.owner import OWNER_KEY
from flygate.fly.retries import create_once
from flygate.fly.session import FlySession

PROVIDER = "upstash_redis"


@dataclass(frozen=True, slots=True)
class RedisSpec:
    """The desired state of a database.

    Attributes:
        name: global on Fly.
        plan: as in `infra/flygate/config/prices.py`, for example `fixed_250mb`.
        region: where it takes writes; it can't be changed later.
        read_regions: where it has copies to read from.
        evicts: it forgets old keys when its memory is full, instead of refusing new ones.
    """

    name: str
    org: str
    plan: str
    region: str
    read_regions: tuple[str, ...] = ()
    evicts: bool = False


class RedisDatabases:
    """The databases that the token may see, by name."""

    def __init__(self, session: FlySession) -> None:
        self._session = session

    async def find(self, name: str) -> Redis | None:
        """Return one of them, or None."""
        try:
            found = await self._ask(f"query redis {name}", graphql.REDIS, {"name": name})
        except NotFoundError:
            return None
        return _redis(found["addOn"]) if found.get("addOn") else None

    async def create(self, spec: RedisSpec) -> Redis:
        """Create one once, also if Fly's answer is lost: then it is looked up by its name.

        Raises:
            NameTakenError: another organisation has the name.
            InvalidRequestError: there is no such plan or region.
        """
        wanted = {
            "name": spec.name,
            "type": PROVIDER,
            "organizationId": await self._organization_id(spec.org),
            "planId": await self._plan_id(spec.plan),
            "primaryRegion": spec.region,
            "readRegions": list(spec.read_regions),
            "options": {"eviction": True} if spec.evicts else {},
        }

        async def create() -> Redis:
            action = f"create redis {spec.name}"
            try:
                await self._ask(action, graphql.CREATE_REDIS, {"input": wanted}, repeatable=False)
            except InvalidRequestError as exc:
                # Fly's GraphQL has no code for it, only this word.
                if "taken" in exc.detail:
                    raise NameTakenError(action, exc.status, exc.detail) from None
                raise
            made = await self.find(spec.name)
            if made is None:
                raise NotFoundError(action, 404, "it was made, but is not there")
            return made

        return await create_once(create, lambda: self.find(spec.name))

    async def update(self, redis: Redis, spec: RedisSpec, owner: str = "") -> None:
        """Set plan, read regions and eviction; its data and its URL stay.

        Args:
            owner: the label that it carries from now on; empty leaves it.
        """
        # flyctl leaves the production pack to an argument of its own.
        options = {key: value for key, value in redis.options.items() if key != "prod_pack"}
        wanted = {
            "addOnId": redis.id,
            "planId": await self._plan_id(spec.plan),
            "readRegions": list(spec.read_regions),
            "options": {**options, "eviction": spec.evicts},
            "metadata": {**redis.metadata, **({OWNER_KEY: owner} if owner else {})},
        }
        await self._ask(f"update redis {redis.name}", graphql.UPDATE_REDIS, {"input": wanted})

    async def delete(self, name: str) -> None:
        """Delete one permanently, with all that is in it; one that is gone is no error."""
        wanted = {"name": name, "provider": PROVIDER}
        try:
            await self._ask(f"delete redis {name}", graphql.DELETE_REDIS, {"input": wanted})
        except NotFoundError:
            return

    async def _organization_id(self, slug: str) -> str:
        action = f"query organization {slug}"
        found = await self._ask(action, graphql.ORGANIZATION_ID, {"slug": slug})
        if not found.get("organization"):
            raise NotFoundError(action, 404, "no such organisation")
        return str(found["organization"]["id"])

    async def _plan_id(self, plan: str) -> str:
        action = "query redis plans"
        plans = (await self._ask(action, graphql.REDIS_PLANS, {}))["addOnPlans"]["nodes"]
        for one in plans:
            if plan_name(one) == plan:
                return str(one["id"])
        known = ", ".join(map(plan_name, plans))
        raise InvalidRequestError(action, 422, f"Fly has no plan {plan}; it has {known}")

    async def _ask(
        self, action: str, document: str, variables: Mapping[str, Any], *, repeatable: bool = True
    ) -> dict[str, Any]:
        return await self._session.query(action, document, variables, repeatable=repeatable)


def plan_name(plan: Mapping[str, Any]) -> str:
    """Return Flygate's name for one of Fly's plans.

    Fly writes them as `flyio_fixed_250mb`, `Fixed 250MB` and `Pay-as-you-go`.
    """
    shown = str(plan.get("displayName") or plan.get("name") or "").lower()
    return re.sub(r"[^a-z0-9]+", "_", shown).removeprefix("flyio_").strip("_")


def _redis(found: Mapping[str, Any]) -> Redis:
    return Redis(
        id=found["id"],
        name=found["name"],
        org=found["organization"]["slug"],
        plan=plan_name(found.get("addOnPlan") or {}),
        region=found.get("primaryRegion") or "",
        read_regions=tuple(found.get("readRegions") or ()),
        options=found.get("options") or {},
        metadata=found.get("metadata") or {},
        url=found.get("publicUrl") or "",
        problem=found.get("errorMessage") or "",
    )
