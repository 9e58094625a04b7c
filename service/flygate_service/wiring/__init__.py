"""Builds the parts that the settings ask for."""
