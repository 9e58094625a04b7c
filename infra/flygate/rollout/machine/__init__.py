"""One machine of an app: its life as its events show it, its log, how it starts and stops."""
