"""The verbs of `flygate`, a file each; `VERBS` of `flygate/cli/__main__.py` lists them."""
