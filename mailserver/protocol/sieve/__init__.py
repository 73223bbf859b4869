"""Sieve (RFC 5228 and its extensions): text in, a checked program out; facts in, actions out.

Sans-IO: a program is run on what a message says and what its surroundings say, within bounds of
steps and memory, and returns what is to be done. Doing it is `mail`'s.
"""
