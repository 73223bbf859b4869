"""Say news of the selected mailbox: EXPUNGE, EXISTS, RECENT, FETCH (RFC 9051 §7.4, §7.5)."""

from mailserver.imap.view import View
from mailserver.protocol.imap.response import flag_list


def announcement(view: View, *, expunges: bool, modseq: bool) -> bytes:
    """Return the responses that bring the client's count of `view` up to date; empty where it is.

    Flags come with UID and MODSEQ where the client asked to know them (RFC 7162 §3.1). To others
    they come without the UID, as RFC 3501 has it: they may follow the answer to a UID FETCH of the
    same message, and clients that key answers by UID would take one for the other.
    """
    news = view.news(expunges=expunges)
    said = [b"* %d EXPUNGE\r\n" % position for position in news.expunged]
    if news.exists is not None:
        said.append(b"* %d EXISTS\r\n* %d RECENT\r\n" % (news.exists, view.recent))
    recent_from = view.opened.recent_from
    for position, entry in news.flags:
        flags = flag_list(entry.flags, entry.keywords, recent=entry.uid >= recent_from)
        if modseq:
            said.append(
                b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n"
                % (position, entry.uid, flags, entry.modseq)
            )
        else:
            said.append(b"* %d FETCH (FLAGS %b)\r\n" % (position, flags))
    return b"".join(said)
