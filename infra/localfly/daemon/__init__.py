"""The daemon of one state folder: its options, its start and its end."""
