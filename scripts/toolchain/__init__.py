"""What `scripts/bootstrap` does, standard library only: nothing is installed when it starts."""
