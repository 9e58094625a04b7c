"""The judge: are new machines worse than the former ones, by what both counted in a soak? Pure."""
