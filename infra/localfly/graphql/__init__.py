"""Fly's GraphQL: the documents that clients send are parsed, validated and executed."""
