"""The state folder: documents, files, encryption and the lock."""
