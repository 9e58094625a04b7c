"""What is kept of releases: ledger, history, journal, provenance."""
