"""What may be wrong with an environment, one check in each file, and how to mend it."""
