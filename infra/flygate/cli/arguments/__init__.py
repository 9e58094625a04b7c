"""What is typed: the check of the words, and the name of a stack."""
