"""What the engine says to running machines, and asks of them: orders about clients, counters."""
