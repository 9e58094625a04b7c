"""The ledger: the last releases with their manifests and secret values.

It is the standard output of the release resource, so it lives in Pulumi's encrypted state:
the plugin hands the former output to the next run, and a run that fails leaves it as it was.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flygate.config import Pin
from flygate.manifest import Manifest, canonical
from flygate.record import frame
from flygate.record.running import fingerprint
from flygate.system.errors import LedgerError, LedgerUnreadableError

RELEASES_MAX: Final = 10
# The former output travels in one environment variable, of which Linux allows 128 KiB.
BYTES_MAX: Final = 120 * 1024
SCHEMA: Final = 2


class Release(BaseModel):
    """A manifest that was applied.

    Attributes:
        manifest_id, secret_set: what ran, by name.
        at: when it stood (RFC 3339); `by`, `commit`, `reason`: provenance.
        accepted: why operators let it go on where a gate could not decide, each time; or empty.
        promotion: from which stack it came and how it was proved there, or empty.
        rollback_of: the version whose manifest this is, if it is a rollback.
        rebuilt: what the entry was made of, if the run that made the release is not the one that
            recorded it; empty for all others.
        verdicts: gate → its verdict on the release.
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
    rebuilt: str = ""
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
        secret_sets: id → the values. The set of an old release may be missing: values are
            dropped first where not all fit.
        key: what the engine signs its requests to the machines with. It belongs to the app and to
            no release, so a rollback leaves it.
        app: whose releases these are; empty in ledgers of Flygate 0.1.
        state: the id of the Pulumi state that made them: see `infra/flygate/fly/owner.py`.
        tenure: the id of the resource that holds the app; a replacement has another one.
        pin: the release that the stack is pinned to, for all its operators.
        unpinned_at: when an operator last went forward (RFC 3339); a pin that is older is void.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(default=SCHEMA, alias="schema")
    releases: tuple[Release, ...] = ()
    secret_sets: dict[str, dict[str, str]] = Field(default_factory=dict, repr=False)
    key: str = Field(default="", repr=False)
    app: str = ""
    state: str = ""
    tenure: str = ""
    pin: Pin | None = None
    unpinned_at: str = ""

    @model_validator(mode="before")
    @classmethod
    def _known_schema(cls, found: Any) -> Any:
        """Schema 1 wrote each set out; schema 2 shares the values between the sets."""
        if not isinstance(found, dict) or "schema" not in found:
            return found
        schema = found["schema"]
        if schema not in {1, SCHEMA}:
            raise ValueError(f"schema {schema} is of a newer Flygate")
        if "values" not in found:
            return {**found, "schema": SCHEMA}
        values, sets = found["values"], found["secret_sets"]
        shared = {key: {n: values[at] for n, at in one.items()} for key, one in sets.items()}
        rest = {name: value for name, value in found.items() if name != "values"}
        return {**rest, "secret_sets": shared}

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read what the last run printed; nothing gives an empty ledger.

        Raises:
            LedgerUnreadableError: it is no ledger.
        """
        if not text or not text.strip():
            return cls()
        try:
            return cls.model_validate_json(_content(text))
        except ValidationError as exc:
            places = ", ".join(".".join(map(str, e["loc"])) or "all" for e in exc.errors()[:3])
            raise LedgerUnreadableError(f"at {places}") from None  # the cause quotes secret values
        except (KeyError, IndexError, TypeError, AttributeError):
            raise LedgerUnreadableError("at secret_sets") from None
        except frame.FrameError as exc:
            raise LedgerUnreadableError(str(exc)) from None

    @property
    def current(self) -> Release | None:
        """The release that runs."""
        return self.releases[-1] if self.releases else None

    @property
    def is_back(self) -> bool:
        """Whether what runs is what the last rollback chose, and no operator went forward since."""
        if self.pin:
            return True
        # An older Flygate kept the pin in the stack's file only.
        current = self.current
        return bool(current and current.rollback_of and self.unpinned_at < current.at)

    @property
    def next_version(self) -> int:
        """The version that the next release gets."""
        return self.current.version + 1 if self.current else 1

    @property
    def current_secrets(self) -> dict[str, str]:
        """The secret values of the release that runs."""
        return self.secrets_of(self.current) if self.current else {}

    @property
    def all_values(self) -> list[str]:
        """Every secret value that it holds, for redaction."""
        return [self.key, *(value for one in self.secret_sets.values() for value in one.values())]

    def with_manifest(self, manifest_id: str) -> Release:
        """Return the newest release that ran a manifest.

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

    def named_by(self, pin: Pin) -> Release:
        """Return the release whose manifest a pin holds; of an old version that is all to go by.

        Raises:
            LedgerError: the ledger does not have it, or the pin's version ran another manifest.
        """
        found = self.with_manifest(pin.manifest)
        named = next((r for r in self.releases if r.name == pin.version), None)
        is_forgotten = named is None and int(pin.version[1:]) < self.next_version
        if is_forgotten or (named and named.manifest_id == pin.manifest):
            return found
        why = f"{pin.version} ran {named.manifest_id}" if named else f"there is no {pin.version}"
        raise LedgerError(
            f"The stack is pinned to {pin.version} with the manifest {pin.manifest}, and {why}; "
            f"that manifest ran as {found.name}. Which is meant can't be known, so nothing was "
            f"changed. `flygate rollback <stack> --to {found.name}` pins it anew; `flygate "
            "forward` ends the pin."
        )

    def pinned(self, pin: Pin) -> Ledger:
        """Return the ledger with a pin."""
        return self.model_copy(update={"pin": pin})

    def unpinned(self, at: str) -> Ledger:
        """Return the ledger without a pin, after a run that went forward."""
        return self.model_copy(update={"pin": None, "unpinned_at": at})

    def secrets_of(self, release: Release) -> dict[str, str]:
        """Return the secret values of a release; none if they were dropped."""
        return dict(self.secret_sets.get(release.secret_set, {}))

    def has_secrets_of(self, release: Release) -> bool:
        """Return whether the values of a release are here, or it has none."""
        return release.secret_set in self.secret_sets or not release.manifest.secrets

    def secret_set_for(self, values: Mapping[str, str]) -> str:
        """Return the id of a set of values: the known one, or a new one.

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
        """Add a release, and drop what does not fit any more.

        What is dropped first: the values of old releases' secrets, the oldest first; then the
        oldest releases. The new release itself always stays.

        Args:
            values: the release's secrets.
            key: the app's, if the ledger does not have it yet.
        """
        sets = {**self.secret_sets, release.secret_set: dict(values)}
        grown = self.model_copy(
            update={
                "releases": (*self.releases, release)[-RELEASES_MAX:],
                "secret_sets": sets,
                "key": self.key or key,
            }
        )
        return grown.fitted()

    def fitted(self, limit: int = BYTES_MAX) -> Ledger:
        """Drop what does not fit into the variable by which the next run gets it."""
        fitting = self._with_only_used()
        while len(fitting.dumps()) > limit and (smaller := fitting._smaller()) is not None:
            fitting = smaller
        return fitting

    def joined(self, other: Ledger) -> Ledger:
        """Add the releases and the values of another ledger of the same app."""
        if self.app and other.app and self.app != other.app:
            return self
        releases = {r.version: r for r in (*other.releases, *self.releases)}
        kept = tuple(releases[version] for version in sorted(releases))[-RELEASES_MAX:]
        joined = self.model_copy(
            update={
                "releases": kept,
                "secret_sets": {**other.secret_sets, **self.secret_sets},
                "key": self.key or other.key,
            }
        )
        return joined._with_only_used()

    def with_values(self, manifest_id: str, values: Mapping[str, str]) -> Ledger:
        """Add the secret values of a manifest, if the ledger has the release without them."""
        for release in reversed(self.releases):
            if release.manifest_id == manifest_id and not self.has_secrets_of(release):
                sets = {**self.secret_sets, release.secret_set: dict(values)}
                return self.model_copy(update={"secret_sets": sets})
        return self

    def content(self) -> str:
        """Return all of it as one line of JSON, of unbounded length."""
        found = self.model_dump(mode="json", by_alias=True)
        # An older Flygate reads the ledger of a stack that was never pinned.
        found = {k: one for k, one in found.items() if one or k not in {"pin", "unpinned_at"}}
        values = sorted({value for one in self.secret_sets.values() for value in one.values()})
        places = {value: at for at, value in enumerate(values)}
        sets = {
            set_id: {name: places[value] for name, value in one.items()}
            for set_id, one in self.secret_sets.items()
        }
        return canonical({**found, "values": values, "secret_sets": sets})

    def packed(self) -> str:
        """Return all of it, compressed, as one line of ASCII."""
        return base64.b85encode(zlib.compress(self.content().encode(), 9)).decode()

    def dumps(self) -> str:
        """Return the text that a run prints and the next one gets: framed, in short lines."""
        return frame.wrap(self.packed())

    def running(self) -> dict[str, Any]:
        """Return what the next preview compares with: see `infra/flygate/record/running.py`."""
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
        """Return what may be shown of the releases, newest first: no secret."""
        numbers = _value_numbers(self.secret_sets.values())
        return [
            {**_public(release), "secrets": _numbered(self.secrets_of(release), numbers)}
            for release in reversed(self.releases)
        ]

    def _smaller(self) -> Ledger | None:
        """Drop one thing; return None if nothing more can be dropped."""
        current = self.current
        for release in self.releases:
            old = release.secret_set
            if current and old != current.secret_set and old in self.secret_sets:
                rest = {key: one for key, one in self.secret_sets.items() if key != old}
                return self.model_copy(update={"secret_sets": rest})
        if len(self.releases) > 1:
            return self.model_copy(update={"releases": self.releases[1:]})
        return None

    def _with_only_used(self) -> Ledger:
        used = {release.secret_set for release in self.releases}
        kept = {key: values for key, values in self.secret_sets.items() if key in used}
        return self.model_copy(update={"secret_sets": kept})


def _content(text: str) -> str:
    """Return the JSON of a ledger, in whatever form it was printed.

    Flygate 0.1 printed plain JSON, and a library could print its own lines before it.
    """
    if frame.is_framed(text):
        try:
            return zlib.decompress(base64.b85decode(frame.unwrap(text))).decode()
        except (ValueError, zlib.error) as exc:
            raise exc if isinstance(exc, frame.FrameError) else frame.FrameError("at all") from None
    for line in reversed(text.splitlines()):
        if line.startswith("{") and _is_json(line):
            return line
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


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
        "rebuilt": release.rebuilt,
        "verdicts": release.verdicts,
        "seconds": release.seconds,
        "machines": release.machines,
        "content": release.manifest.model_dump(mode="json"),
    }


def _value_numbers(sets: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], int]:
    """Number the values that each secret ever had; a number shows only whether one changed."""
    numbers: dict[tuple[str, str], int] = {}
    for values in sets:
        for pair in values.items():
            numbers.setdefault(pair, len(numbers) + 1)
    return numbers


def _numbered(values: Mapping[str, str], numbers: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {name: numbers[name, value] for name, value in values.items()}
