"""What every part needs of this computer: errors, durations, processes, files, disk space."""
