"""Sticky sessions: each client has one machine, which keeps its buckets."""
