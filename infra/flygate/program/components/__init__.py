"""The components of the Pulumi program, each around one Command."""
