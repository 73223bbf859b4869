"""The mail database's revisions."""
