"""The output of machines, collected into one log per app."""
