"""The Pulumi program: `pulumi up` runs it."""

from flygate.program import deployment

deployment.run()
