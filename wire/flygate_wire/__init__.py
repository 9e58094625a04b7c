"""What an operator's side and the machines must agree on; both import it, and it imports neither.

The standard library is all that it needs: it is part of each image, and of each checkout.
"""
