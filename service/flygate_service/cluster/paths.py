"""Where machines ask each other."""

from typing import Final

CLUSTER: Final = "/_flygate/cluster"
BUCKETS: Final = "/_flygate/cluster/buckets"
COPIES: Final = "/_flygate/cluster/copies"
# Where a machine charges a client to the buckets of its owner.
TAKE: Final = "/_flygate/cluster/take"
# Where the rollout engine says how two releases share the clients.
ORDER: Final = "/_flygate/cluster/order"
# In place of a method in the signature of an answer.
ANSWER: Final = "ANSWER"
