"""Fly Machines: their configuration, states, leases and processes."""
