"""Header fields by which Fly Proxy and its clients speak; see docs/fly-api.md."""

from typing import Final

# Fly Proxy sets it on every request; it is taken out of those of any other peer.
CLIENT_IP: Final = b"fly-client-ip"
# Why the proxy brought a request here.
REPLAY_SOURCE: Final = b"fly-replay-src"
REPLAY_FAILED: Final = b"fly-replay-failed"
PREFERRED_UNAVAILABLE: Final = b"fly-preferred-instance-unavailable"
# By these a client chooses the machine that answers it.
FORCE_INSTANCE: Final = b"fly-force-instance-id"
PREFER_INSTANCE: Final = b"fly-prefer-instance-id"
# The answer that makes the proxy replay a request elsewhere.
REPLAY: Final = b"fly-replay"
FORWARDED_FOR: Final = b"x-forwarded-for"
FORWARDED_PROTO: Final = b"x-forwarded-proto"
