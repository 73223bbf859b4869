"""Numbered revisions, the oldest first."""
