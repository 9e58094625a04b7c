"""A new environment: chosen, checked, then written at once."""
