"""The Fly client: typed verbs of the Machines API, one place for retries and errors."""
