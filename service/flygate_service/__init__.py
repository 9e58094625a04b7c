"""The rate-limited web service: what runs in a machine, on Fly or on the local Fly."""

__version__ = "0.1.0"
