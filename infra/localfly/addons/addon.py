"""An Upstash Redis database, as GraphQL's AddOn: here a Valkey server on a loopback address."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from localfly.processes.identity import ProcessIdentity

KIND: Final = "upstash_redis"
PORT: Final = 6379
_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that can be bought (docs/fly-api.md 5.4)."""

    id: str
    name: str
    description: str
    price_cents: int  # a month, in US cents
    max_bytes: int

    @property
    def max_data_size(self) -> str:
        megabytes = self.max_bytes // _MB
        return f"{megabytes} MB" if megabytes < 1024 else f"{megabytes // 1024} GB"


PAY_AS_YOU_GO: Final = "ekQ85Yjkw155ohQ5ALYq0M"
PLANS: Final = {
    plan.id: plan
    for plan in (
        Plan(PAY_AS_YOU_GO, "Pay-as-you-go", "10 GB: $0.20 per 100K commands", 0, 10_240 * _MB),
        Plan("local_fixed_250mb", "flyio_fixed_250mb", "250 MB: 50 GB bandwidth", 1000, 250 * _MB),
        Plan("local_fixed_1gb", "flyio_fixed_1gb", "1 GB: 100 GB bandwidth", 2000, 1024 * _MB),
        Plan("local_fixed_5gb", "flyio_fixed_5gb", "5 GB: 500 GB bandwidth", 10000, 5120 * _MB),
        Plan("local_fixed_10gb", "flyio_fixed_10gb", "10 GB: 1 TB bandwidth", 20000, 10240 * _MB),
        Plan("local_fixed_50gb", "flyio_fixed_50gb", "50 GB: 5 TB bandwidth", 40000, 51200 * _MB),
    )
}


@dataclass(slots=True)
class AddOn:
    """A database as the state keeps it; the password is encrypted."""

    id: str
    name: str
    organization: str
    plan_id: str
    primary_region: str
    address: str
    port: int
    sealed_password: str
    created_at: float
    updated_at: float
    read_regions: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    metadata: Any = None
    app: str = ""  # the app that it was made for, if any
    process: ProcessIdentity | None = None

    @property
    def plan(self) -> Plan:
        return PLANS[self.plan_id]

    @property
    def evicts(self) -> bool:
        return bool(self.options.get("eviction"))

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "AddOn":
        process = state.pop("process")
        return cls(**state, process=process and ProcessIdentity.from_state(process))
