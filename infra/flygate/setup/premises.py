"""What must hold before an environment is written: checks as the doctor's; they change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flygate.doctor import backend, clock, fly, token, toolchain
from flygate.doctor.checks import Check
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import APP, Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning
from flygate.fly import macaroon
from flygate.fly.errors import FlyApiError, NotFoundError, UnauthorizedError
from flygate.fly.greeting import Region
from flygate.fly.models import App
from flygate.pulumi.errors import NoSuchStackError

_PHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


async def _backend(facts: Facts) -> Sequence[Finding]:
    """Check that Pulumi can read the stack, or make it."""
    error = await facts.backend_error()
    if error and not isinstance(error, NoSuchStackError):
        return [broken(str(error), backend.remedy(facts, error))]
    if error and not _has_phrase(facts):
        text = "Pulumi has no passphrase to encrypt the secrets with"
        return [
            broken(
                text,
                "export PULUMI_CONFIG_PASSPHRASE=… (and keep it: without it no secret can be read)",
            )
        ]
    found = [ok(f"{backend.place(facts)} can be reached")]
    if backend.is_at_risk(facts):
        text = "the state will be in this checkout only, and is lost with its folder"
        found.append(warning(text, backend.OTHER_BACKEND))
    return found


def _has_phrase(facts: Facts) -> bool:
    """Whether one is set that is not lost with the local stack, unless all of the state is."""
    if backend.has_keys_of_its_own(facts):
        return True
    if backend.borrows_phrase(facts) and not backend.is_at_risk(facts):
        return False
    return any(facts.environment.get(name) for name in _PHRASES)


async def _organization(facts: Facts) -> Sequence[Finding]:
    """Check that the token may look into the organisation."""
    org, client = (await facts.config()).org, await facts.fly()
    try:
        apps = await client.apps(org)
    except (UnauthorizedError, NotFoundError) as exc:
        if exc.status == 401:
            raise UnknownError("token", str(exc), "") from None
        grant = macaroon.read((await facts.endpoints()).token)
        if grant and grant.apps is not None:
            return [skipped("a token for certain apps does not see the organisation")]
        remedy = "its slug is in the first column of `fly orgs list`; the token must be of it"
        return [broken(f"the token does not see an organisation {org}: {exc.detail}", remedy)]
    except FlyApiError as exc:
        return [broken(str(exc), "run it again")]
    return [ok(f"{org} can be read; it has {len(apps)} app{'s' if len(apps) != 1 else ''}")]


async def _name(facts: Facts) -> Sequence[Finding]:
    """Check that the app's name is free, or the app is the user's."""
    desired = await facts.config()
    try:
        found = await facts.app()
    except UnknownError as exc:
        if exc.check != APP:
            raise
        return [
            broken(f"{desired.app} is another organisation's app", "choose another name: --app")
        ]
    return [judge_name(found, desired.app, desired.org)]


def judge_name(found: App | None, app: str, org: str) -> Finding:
    """Judge by what Fly shows of an app of that name; None if it shows none."""
    if found is None:
        return ok(f"{app} is free, as far as Fly shows it")
    owner = found.organization.slug
    if owner and owner != org:
        return broken(f"{app} is an app of {owner}, not of {org}", "choose another: --app or --org")
    return warning(f"{app} exists in {org}; it would be taken over", "another name: --app")


async def _rights(facts: Facts) -> Sequence[Finding]:
    """Check that the token may make the app; `token` checks whether it may deploy."""
    grant = macaroon.read((await facts.endpoints()).token)
    desired, found = await facts.config(), await facts.app()
    if grant is None or grant.apps is None:
        return [ok(f"the token is not limited to certain apps: it may make {desired.app}")]
    if found is None:
        remedy = token.renewal(facts, desired.org)
        return [broken(f"the token is for certain apps only, and can't make {desired.app}", remedy)]
    return [ok(f"the token is for certain apps only: enough to deploy to {desired.app}")]


async def _regions(facts: Facts) -> Sequence[Finding]:
    """Check that Fly has the regions."""
    return [judge_regions((await facts.greeting()).regions, (await facts.config()).regions)]


def judge_regions(open_ones: Sequence[Region], desired: Sequence[str]) -> Finding:
    """Judge by the regions that Fly lists today."""
    known = {region.code: region for region in open_ones}
    if strangers := [code for code in desired if code not in known]:
        there = ", ".join(sorted(known))
        return broken(f"Fly has no region {', '.join(strangers)}", f"--region, one of: {there}")
    if closing := [code for code in desired if known[code].is_closing]:
        return warning(f"Fly is closing {', '.join(closing)}", "take another: --region")
    return ok(", ".join(f"{known[code].name} ({code})" for code in desired))


PREMISES: Mapping[str, Check] = {
    "toolchain": toolchain.examine,
    "backend": _backend,
    "fly": fly.examine,
    "clock": clock.examine,
    "token": token.examine,
    "organisation": _organization,
    "app": _name,
    "rights": _rights,
    "regions": _regions,
}
