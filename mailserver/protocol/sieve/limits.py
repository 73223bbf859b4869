"""What one script may cost; each run is bounded, whatever its author wrote or a stranger sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a script and of one run. A run beyond them fails, and its message is kept."""

    script_octets: int = 64 * 1024
    nesting: int = 32
    """Blocks and tests within each other; RFC 5228 §2.10.5 asks for 15."""
    work: int = 500_000
    """Steps of a run, a microsecond each or so: a command costs ten, looking through a text its
    length in parts, a regular expression two a character and more where it branches."""
    redirects: int = 4
    fileintos: int = 32
    notifies: int = 4
    added_fields: int = 50
    field_octets: int = 16 * 1024
    """Of one header field that a script adds."""
    variables: int = 128  # RFC 5229 §6
    variable_characters: int = 4_000  # RFC 5229 §6
    text_characters: int = 64 * 1024
    """Of one string after its variables were put in."""
    include_depth: int = 8
    includes: int = 64
    questions: int = 64
    """What a run may ask of the outside: mailboxes, ids seen before."""
    pattern_characters: int = 1_000
    """Of a regular expression."""
    subject_characters: int = 64 * 1024
    """How much of a value a regular expression looks at."""
    body_octets: int = 1024 * 1024
    """How much of a message's text `body` looks at."""
