"""The private DNS: names under `.internal`."""
