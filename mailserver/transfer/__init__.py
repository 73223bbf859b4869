"""Mailboxes moving in and out: other servers' over IMAP, Maildir, mbox, and back.

It works on an unlocked account through `mail`, or on deposits where the owner is away, and is the
only importer of aioimaplib (`imap.py` says what that library does not do). It may import `mail`,
`accounts` and everything below. It must never leave readable mail on a disk except where an export
was asked to write it.
"""
