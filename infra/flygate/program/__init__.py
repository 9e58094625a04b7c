"""The Pulumi program: what a stack asks for, and the resources that make it so."""
