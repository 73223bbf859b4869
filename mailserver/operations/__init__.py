"""Work on the whole house rather than for one peer: checking it, and filling one to look at.

It may import `mail`, `accounts` and everything below. It must never see a socket, a reply or a
command line: what it finds it returns, and whoever asked says it in his own words.
"""
