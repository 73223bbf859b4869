"""What one peer, message or account may cost us."""

from pydantic import Field

from mailserver.runtime.settings_values import GIB, KIB, MIB, TIB, Octets, Section


class Limits(Section):
    """What one peer, message or account may cost us. The second number of each is a hard bound."""

    message_octets: Octets = Field(default=50 * MIB, ge=64 * KIB, le=150 * MIB)
    recipients: int = Field(default=1_000, ge=100, le=10_000)  # RFC 5321 §4.5.3.1.8 asks for 100
    quota_octets: Octets = Field(default=10 * GIB, ge=MIB, le=64 * TIB)
    header_block_octets: Octets = Field(default=256 * KIB, ge=16 * KIB, le=MIB)
    in_flight_octets: Octets = Field(default=512 * MIB, ge=64 * KIB, le=64 * GIB)
    """Messages being received by all connections together."""
    connections: int = Field(default=10_000, ge=1, le=1_000_000)
    connections_per_address: int = Field(default=100, ge=1, le=1_000_000)
    connections_per_minute: int = Field(default=600, ge=0, le=1_000_000)
    """New ones from one network other than this machine; 0 is no bound, here and below."""
    commands_per_second: int = Field(default=1_000, ge=0, le=1_000_000)
    """Of SMTP, IMAP and ManageSieve, from one network; beyond it they wait."""
    unknown_recipients_per_minute: int = Field(default=10, ge=0, le=10_000)
    """From one network, after a first fifty; beyond it each is answered two seconds late."""
    messages_per_connection: int = Field(default=1_000, ge=1, le=100_000)
    app_passwords: int = Field(default=10, ge=1, le=100)
    password_hashes: int = Field(default=4, ge=1, le=64)
    """Argon2 runs at once, 64 MiB each (PRIVACY §1)."""
    sending_messages_per_minute: int = Field(default=30, ge=0, le=10_000)  # PRIVACY §8
    """Of one account, as the next ones; 0 is no bound, here and below."""
    sending_recipients_per_hour: int = Field(default=200, ge=0, le=100_000)
    sending_recipients_per_day: int = Field(default=1_000, ge=0, le=1_000_000)
    sending_first_week_percent: int = Field(default=25, ge=1, le=100)
    """How much of that an account has in the seven days after its sign-up."""
    sending_strangers: int = Field(default=50, ge=0, le=10_000)
    """New recipients a day from a new network: then an account counts as stolen."""
    sending_failures: int = Field(default=50, ge=0, le=10_000)
    """Recipients a day who are nobody, if at least half of all: the same."""
    login_delays: bool = True
    """Answer repeated failures late; off for measurements on a throw-away server only."""
    imap_idle_seconds: int = Field(default=1_800, ge=1_800, le=86_400)  # RFC 9051 §5.4
    imap_connection_seconds: int = Field(default=86_400, ge=60, le=86_400)  # PRIVACY §6
    smtp_command_seconds: int = Field(default=300, ge=30, le=3_600)  # RFC 5321 §4.5.3.2.7
    shutdown_seconds: int = Field(default=20, ge=1, le=600)
