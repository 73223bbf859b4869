"""The log: one JSON object a line, on standard error, from which nobody learns who wrote what.

Source: PRIVACY §18. It fails closed. Numbers, truth values and instants pass under any name; text
passes only under the names of `TEXT_FIELDS`, and even there addresses lose their local part and IP
addresses their host. Errors are told by class and place, never by their text, which may quote mail.
What other libraries say is kept to who said it and where: their words are not ours to vouch for.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Callable, MutableMapping
from datetime import date, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.runtime.clock import Clock, SystemClock

Event = MutableMapping[str, Any]

TEXT_FIELDS: Final = frozenset(
    {
        "event",
        "logger",
        "action",
        "address",
        "capability",
        "category",
        "cipher",
        "command",
        "condition",
        "domain",
        "engine",
        "error",
        "host",
        "incident",
        "kind",
        "listener",
        "login",
        "method",
        "origin",
        "outcome",
        "peer",
        "phase",
        "protocol",
        "reason",
        "recipient",
        "result",
        "scope",
        "sender",
        "service",
        "signal",
        "state",
        "step",
        "table",
        "tls",
        "version",
        "where",
    }
)
TEXT_CHARACTERS = 200
FRAMES = 12

_ADDRESS = re.compile(r"([^\s<>\"'(),:;@]{1,128}|\"[^\"]{0,128}\")@([\w.-]{1,255}|\[[^\]]{1,64}\])")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
    r"(?:\.\d{1,3}){0,3})(?![\w:])"
)
_SPEAKING = (Address, IPv4Address, IPv6Address, Path)  # types whose text is as good as a string
_PINNED = ("mail.log", "mail.debug")  # aiosmtpd: commands at INFO, message lines at DEBUG


class Redactor:
    """Makes an event fit to be read by an operator, and by whoever gets the log later.

    Local parts become a keyed hash. The key is derived for each ISO week, so that a week's entries
    of one person can be counted together and two weeks' cannot be joined without the log key.
    """

    def __init__(self, log_key: bytes, clock: Clock) -> None:
        """Redact under `log_key`, which the vault derives from the master key."""
        self._log_key = log_key
        self._clock = clock
        self._week = ""
        self._week_key = b""

    def pseudonym(self, local_part: str) -> str:
        """Return the week's name for a local part: 12 hexadecimal digits."""
        year, week, _ = self._clock.now().isocalendar()
        if (label := f"{year}-W{week:02}") != self._week:
            self._week = label
            self._week_key = hmac.digest(self._log_key, b"week " + label.encode(), hashlib.sha256)
        text = local_part.strip('"').casefold().encode("utf-8", "surrogatepass")
        return hmac.digest(self._week_key, text, hashlib.sha256).hex()[:12]

    def text(self, value: str) -> str:
        """Cut addresses and IP addresses in `value` down to what the log may hold."""
        value = _ADDRESS.sub(lambda m: f"{self.pseudonym(m[1])}@{m[2].lower()}", value)
        value = _IP.sub(lambda m: cut_ip(m[0]), value)
        return value if len(value) <= TEXT_CHARACTERS else value[:TEXT_CHARACTERS] + "…"

    def value(self, name: str, value: object) -> object:
        """Return what the log may hold of `value` under `name`."""
        match value:
            case None | bool() | int() | float():
                return value
            case datetime() | date():
                return value.isoformat()
            case Enum():
                return value.name.lower()
            case str() if name in TEXT_FIELDS:
                return self.text(value)
            case str():
                return f"<{len(value)} characters>"
            case _ if name in TEXT_FIELDS and isinstance(value, _SPEAKING):
                return self.text(str(value))
            case _:
                return f"<{type(value).__name__}>"

    def __call__(self, _logger: WrappedLogger, _method: str, event: Event) -> Event:
        """Be structlog's processor."""
        error = event.pop("exc_info", None)
        redacted: Event = {str(name): self.value(str(name), value) for name, value in event.items()}
        if (raised := _raised(error)) is not None:
            redacted["error"] = type(raised).__name__
            redacted["trace"] = frames(raised.__traceback__)
            if isinstance(raised, MailError):
                redacted["condition"] = raised.condition.name.lower()
            if (cause := raised.__cause__ or raised.__context__) is not None:
                redacted["cause"] = type(cause).__name__
                redacted["cause_trace"] = frames(cause.__traceback__)
        return redacted


def cut_ip(text: str) -> str:
    """Return the /24 or /48 that an IP address lies in; the text itself where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if address.version == 6 and (mapped := address.ipv4_mapped) is not None:
        address = mapped
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))


def frames(trace: TracebackType | None) -> list[str]:
    """Say where an error passed, innermost last: file, line, function; no text and no locals."""
    return [
        f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in list(traceback.walk_tb(trace))[-FRAMES:]
    ]


def _raised(error: object) -> BaseException | None:
    match error:
        case BaseException():
            return error
        case (_, BaseException() as raised, _):
            return raised
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _line(_logger: WrappedLogger, _method: str, event: Event) -> str:
    # ASCII: U+2028 and U+0085 end a line for some readers of logs.
    return json.dumps(event, ensure_ascii=True, separators=(",", ":"), sort_keys=False)


class _Sink:
    """Where lines go and how they are redacted; replaced as a whole by `configure`."""

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()
        self.stream: TextIO | None = None
        self.level = logging.INFO
        # Until the master key is read, names are hashed under a key that nobody has.
        self.redactor = Redactor(secrets.token_bytes(32), self.clock)

    def drop_quiet(self, _logger: WrappedLogger, method: str, event: Event) -> Event:
        if logging.getLevelNamesMapping().get(method.upper(), logging.ERROR) < self.level:
            raise structlog.DropEvent
        return event

    def redact(self, logger: WrappedLogger, method: str, event: Event) -> Event:
        return self.redactor(logger, method, event)

    def stamp(self, _logger: WrappedLogger, method: str, event: Event) -> Event:
        at = self.clock.now().isoformat(timespec="milliseconds")
        return {"at": at, "level": method, **event}

    def msg(self, line: str) -> None:
        print(line, file=self.stream or sys.stderr, flush=True)

    debug = info = warning = error = critical = exception = msg


_sink = _Sink()


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module: `log.info("accepted", peer=ip, size_octets=n)`.

    The event is a fixed word or two; what varies goes into fields. Every line passes the redactor,
    configured or not.
    """
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _sink,
        processors=[_sink.drop_quiet, _sink.redact, _sink.stamp, _line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        context_class=dict,
    )
    return logger.bind(logger=name)


def redacting(log_key: bytes, clock: Clock) -> Callable[[str], str]:
    """Return a function that cuts a text as the log would; for other records of the same rules."""
    return Redactor(log_key, clock).text


class _Foreign(logging.Handler):
    """Takes what libraries log: who, where and how bad, without their words."""

    def emit(self, record: logging.LogRecord) -> None:
        write = get_logger(record.name)
        where = f"{Path(record.pathname).name}:{record.lineno} {record.funcName}"
        level = record.levelname.lower()
        say = getattr(write, level) if level in ("debug", "info", "warning") else write.error
        say("library message", where=where, exc_info=record.exc_info)


def configure(
    *,
    level: str = "info",
    log_key: bytes | None = None,
    clock: Clock | None = None,
    stream: TextIO | None = None,
) -> None:
    """Set the log up; may be called again, as when the master key has been read.

    Args:
        level: the least that is written: debug, info, warning or error.
        log_key: the vault's key for the pseudonyms; without one they mean nothing later on.
        clock: what stamps the lines.
        stream: where lines go; standard error where None.
    """
    _sink.clock = clock or _sink.clock
    _sink.stream = stream
    _sink.level = logging.getLevelNamesMapping()[level.upper()]
    _sink.redactor = Redactor(log_key or secrets.token_bytes(32), _sink.clock)
    root = logging.getLogger()
    root.handlers = [_Foreign()]
    root.setLevel(max(_sink.level, logging.WARNING))
    pin_mail_log()


def pin_mail_log() -> None:
    """Silence aiosmtpd's loggers for good: they write commands, addresses and message lines."""
    for name in _PINNED:
        pinned = logging.getLogger(name)
        pinned.handlers = [logging.NullHandler()]
        pinned.propagate = False
        pinned.disabled = True


pin_mail_log()  # from the first import on, so that no start-up order lets a line through
