"""What can go wrong between machines.

ClusterError
├── DirectoryError   the DNS does not say who is there
├── PeerError        another machine does not answer, or not as one of ours
└── FormatError      what it sent is none of the forms that this version reads
"""


class ClusterError(Exception):
    """The base of all of them."""


class DirectoryError(ClusterError):
    """The DNS does not say who is there."""


class PeerError(ClusterError):
    """Another machine does not answer, or not as one of ours would."""


class FormatError(ClusterError):
    """What another machine sent is none of the forms that this version reads."""
