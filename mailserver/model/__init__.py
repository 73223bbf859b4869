"""The words every layer speaks: identifiers, addresses, flags, classes of secrecy, errors.

Frozen values only. It imports the standard library and nothing else, does no I/O, and knows
no protocol.
"""
