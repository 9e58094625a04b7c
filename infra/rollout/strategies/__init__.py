"""The strategies. Each only orders steps; none knows how a step is done."""
