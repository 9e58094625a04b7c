"""The names: the public one leads to the app, and the private one lists the machines that run."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.exception
import dns.resolver

from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning
from flygate.rollout.state import State

# The local Fly's DNS, or any other that answers for .internal: the service reads it, too.
SERVER = "FLYGATE_DNS"
_SECONDS = 3.0


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check both, as far as they can be resolved from here."""
    app, url = (await facts.config()).app, (await facts.outputs()).get("url")
    if not url:
        return [skipped(f"nothing was released yet: {facts.deploy}")]
    public = await _public(facts, app, urlsplit(url).hostname or "")
    return [public, await _private(facts, app)]


async def _public(facts: Facts, app: str, host: str) -> Finding:
    if host.endswith(".localhost"):
        return ok(f"{host} is this computer")
    fly = await facts.fly()
    own = {address.ip for address in await fly.ips(app)}
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
    except OSError as exc:
        return broken(f"{host} has no address ({exc.strerror})", f"fly ips list --app {app}")
    return judge_public(host, {str(entry[4][0]) for entry in found}, own)


def judge_public(host: str, listed: Collection[str], own: Collection[str]) -> Finding:
    """Check that the name's addresses are among those of the app."""
    strangers = set(map(ipaddress.ip_address, listed)) - set(map(ipaddress.ip_address, own))
    if strangers:
        found = ", ".join(sorted(map(str, strangers)))
        return warning(f"{host} is {found}, which the app has not", "wait for the DNS to follow")
    return ok(f"{host} leads to the app")


async def _private(facts: Facts, app: str) -> Finding:
    resolver = _resolver(facts.environment.get(SERVER, ""))
    try:
        answer = await resolver.resolve(f"vms.{app}.internal", "TXT")
    except dns.resolver.NoAnswer:
        return judge_private("", await facts.state())
    except (dns.exception.DNSException, OSError) as exc:
        if facts.environment.get(SERVER):
            server = facts.environment[SERVER]
            return broken(f"{server} does not know vms.{app}.internal: {exc}", "make up")
        return skipped("names under .internal can be asked for within Fly's private network only")
    text = b"".join(piece for record in answer for piece in record.strings).decode()
    return judge_private(text, await facts.state())


def judge_private(text: str, state: State) -> Finding:
    """The TXT record lists exactly the machines that run; sticky sessions go by it."""
    listed = {entry.split()[0] for entry in text.split(",") if entry.strip()}
    running = {m.id for m in state.machines if m.state == "started"}
    missing, ghosts = running - listed, listed & {m.id for m in state.machines} - running
    if missing or ghosts:
        odd = ", ".join(sorted(missing | ghosts))
        return warning(f"vms.{state.app}.internal is wrong about {odd}", "look again in a minute")
    return ok(f"vms.{state.app}.internal lists the machines that run ({len(running)})")


def _resolver(server: str) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=not server)
    if server:
        host, _, port = server.rpartition(":")
        resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
    resolver.lifetime = _SECONDS
    return resolver
