"""Zegel's mail server: SMTP and IMAP over a store in which every letter is sealed for its reader.

The packages below form layers; imports point down only: `docs/architecture.md` draws them,
`lint-imports` keeps them.
"""
