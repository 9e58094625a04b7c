"""What the engine sends to running machines, and reads from them: orders on clients, counters."""
