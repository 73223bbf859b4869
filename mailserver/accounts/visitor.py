"""Who is at the other end of a web request, as signing in needs to know."""

from dataclasses import dataclass

from mailserver.model.sealed import Plaintext

AGENT_CHARACTERS = 200
_PLAIN = {code: None for code in (*range(32), 127)}


@dataclass(frozen=True, slots=True, repr=False)
class Visitor:
    """A browser that asks for something."""

    peer: str
    """Its IP address."""
    agent: str = ""
    """What it calls itself (RFC 9110 §10.1.5)."""
    trust: Plaintext | None = None
    """Its cookie of a device that is known, unchecked."""

    @property
    def shown_agent(self) -> str:
        """Its name for itself, cut and without control characters."""
        return self.agent.translate(_PLAIN)[:AGENT_CHARACTERS]
