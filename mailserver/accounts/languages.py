"""In which language the server writes to an account's owner: notices, reports, why mail is junk.

It stands in the account's authenticated row and is read while the owner is away.
"""

from dataclasses import replace

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.provisioning import check_language
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.model.notice import LANGUAGES

ENGLISH = LANGUAGES[0]


class Languages:
    """The languages of accounts."""

    def __init__(self, keyring: Keyring) -> None:
        """Keep them in the rows of `keyring`."""
        self._keyring = keyring

    async def of(self, account_id: AccountId | None) -> str:
        """Return an account's language; English for nobody's, or one that is gone.

        Raises:
            Corrupt: KEY_MISMATCH, its row is not authentic.
            Transient: the keystore does not answer.
        """
        if account_id is None:
            return ENGLISH
        try:
            return (await self._keyring.account(account_id)).record.language or ENGLISH
        except Absent:
            return ENGLISH

    async def speak(self, account_id: AccountId, language: str) -> None:
        """Write to an account's owner in `language` from now on.

        Raises:
            PeerFault: BAD_SYNTAX, there is no such language.
            Absent: NO_SUCH_USER.
            Conflict: CHANGED_MEANWHILE, somebody changed the account at this moment.
        """
        check_language(language)
        opened = await self._keyring.account(account_id, fresh=True)
        if opened.record.language != language:
            record = replace(opened.record, language=language)
            await self._keyring.apply([self._keyring.change_account(opened, record)])
