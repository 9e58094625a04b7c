"""What can go wrong between machines.

ClusterError
├── DirectoryError   the DNS does not say who is there
├── PeerError        another machine does not answer, or not as one of ours
│   ├── PeerGone     nobody listens there
│   └── PeerStrange  somebody answers, and not as one of ours
└── FormatError      what it sent is none of the forms that this version reads
"""


class ClusterError(Exception):
    """The base of all of them."""


class DirectoryError(ClusterError):
    """The DNS does not say who is there."""


class PeerError(ClusterError):
    """Another machine does not answer, or not as one of ours would."""


class PeerGoneError(PeerError):
    """Nobody listens where another machine should: the proxy would not reach it either."""


class PeerMismatchError(PeerError):
    """Somebody answers there, and not as one of ours: a former release, or another key."""


class FormatError(ClusterError):
    """What another machine sent is none of the forms that this version reads."""
