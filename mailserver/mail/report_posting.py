"""Bringing TLS reports to web servers, which domains may name in the place of a mailbox.

A mailbox has the queue behind it; a web server is asked again, at longer and longer intervals, for
a day (RFC 8460 §5.5). What was tried is remembered in memory: after a restart a server may get a
report again, and tells by its id.

Source: RFC 8460 §3, §5.4, §5.5.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailserver.model.web_url import WebUrl
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.web_client import WebClient, WebError

CONTENT_TYPE = "application/tlsrpt+gzip"
DEADLINE = timedelta(seconds=30)
FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP = timedelta(days=1)
REMEMBERED = 1_000  # reports; beyond it the oldest are forgotten, and begin anew

log = get_logger("mail")


@dataclass(slots=True)
class _Report:
    """What became of one so far."""

    left: set[WebUrl]
    """Where it has not arrived."""
    first_at: datetime
    next_at: datetime
    wait: timedelta


class ReportPosting:
    """Posts reports."""

    def __init__(self, web: WebClient, clock: Clock) -> None:
        """Ask by `web`."""
        self._web = web
        self._clock = clock
        self._reports: OrderedDict[str, _Report] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """Say whether a report of this id was not tried yet."""
        return name not in self._reports

    async def post(self, name: str, urls: Sequence[WebUrl], packed: bytes) -> bool:
        """Bring a report where it has not arrived; False where it is to be tried again.

        Args:
            name: its id.
            urls: where it is wanted.
            packed: the report, gzipped.
        """
        now = self._clock.now()
        report = self._reports.get(name)
        if report is None:
            report = self._reports[name] = _Report(set(urls), now, now, FIRST_WAIT)
            if len(self._reports) > REMEMBERED:
                self._reports.popitem(last=False)
        if now < report.next_at:
            return False
        for url in [url for url in urls if url in report.left]:
            if await self._posted(url, packed):
                report.left.discard(url)
        if report.left and now - report.first_at < GIVE_UP:
            report.next_at = now + report.wait
            report.wait = min(2 * report.wait, LONGEST_WAIT)
            return False
        del self._reports[name]
        return True

    async def _posted(self, url: WebUrl, packed: bytes) -> bool:
        """Bring it to one; any 2xx says that it came (RFC 8460 §5.4)."""
        try:
            answer = await self._web.post(url, packed, CONTENT_TYPE, deadline=DEADLINE)
        except WebError as error:
            log.info("report not posted", domain=url.host, trouble=error.trouble.value)
            return False
        posted = 200 <= answer.status < 300
        log.info("report brought", domain=url.host, accepted=posted)
        return posted
