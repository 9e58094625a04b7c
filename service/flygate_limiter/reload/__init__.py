"""How limits outlast a change of quotas, by a reload or on another machine."""
