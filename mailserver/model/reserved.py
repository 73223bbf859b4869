"""Local parts that every domain keeps for the server itself."""

from typing import Final

DMARC_REPORTS: Final = "dmarc-reports"
"""Takes aggregate reports about the domain (RFC 9990)."""
TLS_REPORTS: Final = "tls-reports"
"""Takes reports on TLS with the domain's hosts (RFC 8460)."""

REPORTS: Final = frozenset({DMARC_REPORTS, TLS_REPORTS})
