"""Everything that speaks to the Pulumi CLI or reads its files."""
