"""Names of cookies that both the service and the configuration of Fly Proxy know."""

from typing import Final

# The service sets it; Fly Proxy's replay cache remembers a client's machine by it.
AFFINITY: Final = "flygate_affinity"
