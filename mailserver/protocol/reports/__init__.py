"""Reports that mail servers send each other's domains: DMARC aggregates (XML), TLS-RPT (JSON).

Octets in, plain values out, and back. What comes in was written by strangers: it is unpacked within
bounds (`unpack`), XML has no entities and no document types, and of values only those are kept that
the standards name.

Source: RFC 9990, RFC 7489 appendix C (its older form), RFC 8460.
"""
