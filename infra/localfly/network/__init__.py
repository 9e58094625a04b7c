"""Loopback addresses, ports and regions."""
