"""What can go wrong between machines.

ClusterError
├── DirectoryError         the DNS does not say who is there
├── PeerError              another machine does not answer, or not as this service
│   ├── PeerGoneError      no process listens there
│   └── PeerMismatchError  another process answers, or one with another key
└── FormatError            what it sent is none of the forms that this version reads
"""


class ClusterError(Exception):
    """The base of the errors between machines."""


class DirectoryError(ClusterError):
    """The DNS does not say who is there."""


class PeerError(ClusterError):
    """Another machine does not answer, or not as this service does."""


class PeerGoneError(PeerError):
    """No process listens where another machine should: the proxy would not reach it either."""


class PeerMismatchError(PeerError):
    """What answers there is a former release, has another key, or is another program."""


class FormatError(ClusterError):
    """What another machine sent is none of the forms that this version reads."""
