"""`make clean`: what belongs to the local stack goes, what another stack needs stays."""
