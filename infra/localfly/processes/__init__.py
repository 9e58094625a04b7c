"""Processes of this computer: started, identified, measured and ended."""
