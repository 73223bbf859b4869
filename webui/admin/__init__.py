"""`/api/admin`: what administrators, privacy officers and auditors do, by their roles.

May import what `webui` may. Sees metadata and registers; no route here returns content, subjects,
correspondents, contacts or the search index, for no administrator has a key. Each route asks for
one permission (`needs.Needs`); `accounts.permissions.MATRIX` says which roles have it.
"""
