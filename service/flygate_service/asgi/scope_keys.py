"""Where parts of the service leave things for each other in a request's scope."""

from typing import Final

# For applications, also wrapped ones: the limiter, and what it decided about the request.
LIMITER: Final = "flygate.limiter"
DECIDED: Final = "flygate.decided"
# From the affinity: how many machines share the client's quota, and what to ask in place of this
# machine's buckets.
SHARE: Final = "flygate.share"
CHECK: Final = "flygate.check"
# The request was cut off by its client's fault, whatever the application says.
CUT_OFF: Final = "flygate.cut_off"
# The request came to the private listener.
PRIVATE: Final = "flygate.private"
