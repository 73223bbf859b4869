"""`/api/account`: signing in, and everything an owner decides about his account.

It may import what `webui` may. It never sees mail: a session holds the account open, and these
routes ask `accounts` for everything. An app password does not reach it: the webmail's site refuses
`Authorization`, and the API's site does not have these routes.
"""
