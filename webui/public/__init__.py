"""Pages that anybody may ask for: client configuration, the MTA-STS policy, security contacts.

No cookie, no script, nothing of an account: what they say follows from the settings and the
domains alone.
"""
