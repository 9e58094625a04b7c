"""Where machines ask each other."""

from typing import Final

CLUSTER: Final = "/_flygate/cluster"
BUCKETS: Final = "/_flygate/cluster/buckets"
COPIES: Final = "/_flygate/cluster/copies"
# Where the rollout engine says how two releases share the clients.
ORDER: Final = "/_flygate/cluster/order"
# In place of a method in the signature of an answer.
ANSWER: Final = "ANSWER"
