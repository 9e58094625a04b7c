"""Upstash Redis databases, each a Valkey server of this computer."""
