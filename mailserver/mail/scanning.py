"""Scanners of this machine, as the settings name them, and what is done while one is down."""

from collections.abc import Sequence

from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Misconfigured, Transient
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings_spam import Scanners
from mailserver.screening.clamav import Clamd
from mailserver.screening.opinion import GOOD, Advice, Opinion, Reason
from mailserver.screening.rspamd import Rspamd, Traits

UNSCANNED = Opinion(
    reasons=(Reason("unscanned", 0.0, "nobody looked for malware in it"),), unscanned=True
)

log = get_logger("mail")


class Scanning:
    """ClamAV and rspamd, where there are any."""

    def __init__(self, settings: Scanners) -> None:
        """Use those that `settings` name.

        Raises:
            Misconfigured: the file with rspamd's password cannot be read.
        """
        self._defer = settings.when_down == "defer"
        self._clamd = Clamd(settings.clamd, settings.seconds) if settings.clamd else None
        self._rspamd: Rspamd | None = None
        if settings.rspamd:
            self._rspamd = Rspamd(settings.rspamd, _password(settings), settings.seconds)

    @property
    def any(self) -> bool:
        """Whether there is anything to ask."""
        return self._clamd is not None or self._rspamd is not None

    async def malware(self, message: Incoming) -> Opinion:
        """Look for malware.

        Raises:
            Transient: the scanner is down, and mail is to wait for it.
        """
        if self._clamd is None:
            return GOOD
        try:
            name = await self._clamd.scan(message.octets.reveal())
        except Transient as down:
            self._go_on(down)
            return UNSCANNED
        return Opinion(Advice.REJECT, malware=name) if name else GOOD

    async def spam(
        self, message: Incoming, client: Client, recipients: Sequence[Address]
    ) -> Opinion | None:
        """Return what rspamd thinks; None where it is not there, and our own score counts.

        Raises:
            Transient: it is down, and mail is to wait for it.
        """
        if self._rspamd is None:
            return None
        traits = Traits(client, message.sender, recipients)
        try:
            return await self._rspamd.check(message.octets.reveal(), traits)
        except Transient as down:
            self._go_on(down)
            return None

    async def close(self) -> None:
        """Let connections go."""
        if self._rspamd is not None:
            await self._rspamd.close()

    def _go_on(self, down: Transient) -> None:
        """Go on without a scanner if the settings say so; else raise what it raised."""
        log.warning("scanner down", condition=down.condition.name, waiting=self._defer)
        if self._defer:
            raise down


def _password(settings: Scanners) -> str:
    file = settings.rspamd_password_file
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"scanners.rspamd_password_file: {file} cannot be read") from error
