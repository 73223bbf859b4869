"""Spam and malware: what a message, its sender and its past say about it, in a score with reasons.

Scanners of this machine (rspamd, ClamAV) where the settings name them, else our own score. It may
import `runtime`, `protocol` and `model`; what must be remembered is handed in and out as values. It
must never send anything about a message beyond this machine unless a setting names that processor.
"""
