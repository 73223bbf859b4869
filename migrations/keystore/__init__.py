"""The keystore database's revisions."""
