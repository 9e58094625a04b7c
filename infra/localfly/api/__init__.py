"""The API of the local Fly: one file per noun of Fly's, and the middleware around them."""
