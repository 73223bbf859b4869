"""What anybody may read without signing in: how to set up a mail program, policies, contacts.

Nothing here says whether an address exists; a domain's name is public by its MX record. The site
knows no cookie and no credential: what programs send along unasked is dropped before it is read.
"""
