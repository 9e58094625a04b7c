"""The ledger: the last releases with their manifests and secret values.

It is the standard output of the release resource, so it lives in Pulumi's encrypted state:
the plugin hands the former output to the next run, and a run that fails leaves it as it was.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import LedgerError
from infra.manifest import Manifest, canonical
from infra.preview import fingerprint

RELEASES_MAX = 10
# The former output travels in an environment variable; Linux allows 128 KiB for one.
BYTES_MAX = 64 * 1024


class Release(BaseModel):
    """A manifest that was applied.

    Attributes:
        manifest_id, secret_set: what ran, by name.
        at: when it stood (RFC 3339); `by`, `commit`, `reason`: provenance.
        accepted: why an operator let it go on where a gate could not decide, or empty.
        promotion: from which stack it came and how it was proved there, or empty.
        rollback_of: the version whose manifest this is, if it is a rollback.
        verdicts: gate → what it said of the release.
        seconds: how long the rollout took.
        machines: region → machine ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    manifest: Manifest
    manifest_id: str
    secret_set: str
    at: str
    by: str
    commit: str = ""
    reason: str = ""
    promotion: str = ""
    accepted: str = ""
    rollback_of: int | None = None
    verdicts: dict[str, str] = Field(default_factory=dict)
    seconds: float = 0.0
    machines: dict[str, list[str]] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """`v7`."""
        return f"v{self.version}"


class Ledger(BaseModel):
    """The releases, oldest first, and the secret sets that they name.

    Attributes:
        key: what the engine signs its requests to the machines with. It belongs to the app and to
            no release, so a rollback leaves it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(default=1, alias="schema")
    releases: tuple[Release, ...] = ()
    secret_sets: dict[str, dict[str, str]] = Field(default_factory=dict, repr=False)
    key: str = Field(default="", repr=False)

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read what the last run printed; nothing gives an empty ledger.

        Raises:
            LedgerError: it is no ledger.
        """
        if not text or not text.strip():
            return cls()
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            places = ", ".join(".".join(map(str, e["loc"])) or "all" for e in exc.errors()[:3])
            raise LedgerError(
                f"The ledger in Pulumi's state can't be read (at {places}). It was written by "
                "another version of Flygate, or edited: restore it with `pulumi stack import` "
                "of the last checkpoint, or use the version of Flygate that wrote it."
            ) from None  # the cause quotes the input, and with it secret values

    @property
    def current(self) -> Release | None:
        """The release that runs."""
        return self.releases[-1] if self.releases else None

    @property
    def next_version(self) -> int:
        """The version that the next release gets."""
        return self.current.version + 1 if self.current else 1

    @property
    def current_secrets(self) -> dict[str, str]:
        """The secret values of the release that runs."""
        return self.secrets_of(self.current) if self.current else {}

    def with_manifest(self, manifest_id: str) -> Release:
        """The newest release that ran a manifest.

        Raises:
            LedgerError: none is remembered.
        """
        for release in reversed(self.releases):
            if release.manifest_id == manifest_id:
                return release
        if not self.releases:
            raise LedgerError(
                "The stack is pinned to an earlier release, but nothing was released yet, or it "
                "was destroyed. `flygate forward` ends the pin and deploys the checkout."
            )
        known = ", ".join(r.name for r in self.releases)
        raise LedgerError(
            f"The stack is pinned to manifest {manifest_id}, which the ledger does not have "
            f"(it has {known}). `flygate forward` ends the pin."
        )

    def secrets_of(self, release: Release) -> dict[str, str]:
        """The secret values of a release."""
        return dict(self.secret_sets.get(release.secret_set, {}))

    def secret_set_for(self, values: Mapping[str, str]) -> str:
        """The id of a set of values: the known one, or a new one.

        An id is shown in the open, and a plain hash of a weak secret could be guessed from it, so
        it is keyed. The same values have the same id in the next run: a release that was held or
        killed is known again. Before there is a key it is random.
        """
        for set_id, known in self.secret_sets.items():
            if known == dict(values):
                return set_id
        if not self.key:
            return secrets.token_hex(4)
        text = "secret set " + canonical(dict(values))
        return hmac.new(self.key.encode(), text.encode(), "sha256").hexdigest()[:8]

    def add(self, release: Release, values: Mapping[str, str], key: str = "") -> Ledger:
        """The ledger with one more release; the oldest go when there are too many.

        Args:
            values: the release's secrets.
            key: the app's, if the ledger does not have it yet.

        Raises:
            LedgerError: not even the last two releases fit.
        """
        sets = {**self.secret_sets, release.secret_set: dict(values)}
        key = self.key or key
        kept = [*self.releases, release][-RELEASES_MAX:]
        while (size := len(_with_only_used(kept, sets, key).dumps().encode())) > BYTES_MAX:
            if len(kept) <= 2:
                raise LedgerError(
                    f"The ledger of two releases takes {size} bytes, more than {BYTES_MAX}. "
                    "Move large secrets or environment values out of the stack's configuration."
                )
            kept = kept[1:]
        return _with_only_used(kept, sets, key)

    def dumps(self) -> str:
        """The text to print: one line of JSON."""
        return canonical(self.model_dump(mode="json", by_alias=True))

    def running(self) -> dict[str, Any]:
        """What the next preview compares with: see `infra/preview.py`."""
        if self.current is None:
            return {}
        salt = self.current.secret_set
        values = self.current_secrets.items()
        return {
            "content": self.current.manifest.model_dump(mode="json"),
            "salt": salt,
            "secrets": {name: fingerprint(salt, value) for name, value in values},
        }

    def history(self) -> list[dict[str, Any]]:
        """What may be shown of the releases, newest first: no secret."""
        numbers = _value_numbers(self.secret_sets.values())
        return [
            {**_public(release), "secrets": _numbered(self.secrets_of(release), numbers)}
            for release in reversed(self.releases)
        ]


def _with_only_used(
    releases: list[Release], sets: Mapping[str, dict[str, str]], key: str
) -> Ledger:
    used = {release.secret_set for release in releases}
    return Ledger(
        releases=tuple(releases),
        secret_sets={set_id: values for set_id, values in sets.items() if set_id in used},
        key=key,
    )


def _public(release: Release) -> dict[str, Any]:
    return {
        "version": release.name,
        "manifest": release.manifest_id,
        "image": release.manifest.image,
        "phase": release.manifest.phase,
        "at": release.at,
        "by": release.by,
        "commit": release.commit,
        "reason": release.reason,
        "promotion": release.promotion,
        "accepted": release.accepted,
        "rollback_of": f"v{release.rollback_of}" if release.rollback_of else "",
        "verdicts": release.verdicts,
        "seconds": release.seconds,
        "machines": release.machines,
        "content": release.manifest.model_dump(mode="json"),
    }


def _value_numbers(sets: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], int]:
    """A number for each value that a secret ever had: it tells whether one changed, no more."""
    numbers: dict[tuple[str, str], int] = {}
    for values in sets:
        for pair in values.items():
            numbers.setdefault(pair, len(numbers) + 1)
    return numbers


def _numbered(values: Mapping[str, str], numbers: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {name: numbers[name, value] for name, value in values.items()}
