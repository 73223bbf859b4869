"""How ENVID and ORCPT carry what a parameter cannot: xtext, and its form beyond ASCII.

Source: RFC 3461 §4 (xtext), RFC 6533 §3 (utf-8-addr-xtext, utf-8-addr-unitext).
"""

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*\Z")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"(?:[!-*,-<>-\[\]-~\x80-\U0010FFFF]|\\x\{[0-9A-F]{2,6}\})*\Z")
_EMBEDDED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

LAST_CHARACTER = 0x10FFFF


def decode_xtext(text: str) -> str:
    """Return what `text` stands for.

    Raises:
        ValueError: it is no xtext, or stands for what cannot be printed, such as a line's end.
    """
    if _XTEXT.match(text) is None:
        raise ValueError("this is no xtext")
    return _printable(_HEXCHAR.sub(lambda found: chr(int(found[1], 16)), text))


def decode_unitext(text: str) -> str:
    """Return the address that a `utf-8;` ORCPT stands for, in either of its forms.

    Raises:
        ValueError: it is none, or stands for what cannot be printed.
    """
    if _UNITEXT.match(text) is None:
        raise ValueError("this is no address beyond ASCII")
    numbers = [int(number, 16) for number in _EMBEDDED.findall(text)]
    if any(number > LAST_CHARACTER for number in numbers):
        raise ValueError("there is no such character")
    return _printable(_EMBEDDED.sub(lambda found: chr(int(found[1], 16)), text))


def decode_recipient(value: str) -> str:
    """Read an ORCPT value, `type;address`; its type comes back in lower case.

    Raises:
        ValueError: it is none.

    Source: RFC 3461 §4.2, RFC 6533 §3.
    """
    kind, semicolon, address = value.partition(";")
    if not semicolon or not address or not re.fullmatch(r"[A-Za-z0-9.-]+", kind):
        raise ValueError("an original recipient has a type and an address")
    kind = kind.lower()
    return f"{kind};{decode_unitext(address) if kind == 'utf-8' else decode_xtext(address)}"


def _printable(text: str) -> str:
    if _NOT_PRINTABLE.search(text):
        raise ValueError("this cannot be printed")
    return text
