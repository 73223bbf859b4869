"""POSIX regular expressions as the C library has them: a second implementation (regcomp(3))."""

import ctypes

_EXTENDED, _ICASE = 1, 2
_ROOM = 256  # octets; a regex_t has 64 with glibc


class _Match(ctypes.Structure):
    _fields_ = (("begin", ctypes.c_int), ("end", ctypes.c_int))


def search(pattern: str, subject: str, *, ignore_case: bool = False) -> tuple[int, int] | None:
    """Return where the match is, None where there is none.

    Raises:
        ValueError: the library does not take the expression.
    """
    library, compiled = ctypes.CDLL(None), ctypes.create_string_buffer(_ROOM)
    flags = _EXTENDED | (_ICASE if ignore_case else 0)
    if library.regcomp(compiled, pattern.encode("ascii"), flags):
        raise ValueError(pattern)
    try:
        found = (_Match * 1)()
        if library.regexec(compiled, subject.encode("ascii"), 1, found, 0):
            return None
        return found[0].begin, found[0].end
    finally:
        library.regfree(compiled)
