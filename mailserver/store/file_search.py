"""Looks for octets in the files of an SQLite database: a program, run by itself.

It is a process of its own because whoever closes a file gives up all locks that its process holds
on it (POSIX, `fcntl`). A server that looked into its own database would lose SQLite's locks, and
the next process to close the database would take the write-ahead log away from under it.

    file_search.py FILE...      marks in hexadecimal on standard input, a line each;
                                the files that hold one on standard output, a line each

Source: SQLite, "How To Corrupt An SQLite Database File", §2.2.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

SCAN_OCTETS = 1 << 20


def holds(path: Path, marks: Sequence[bytes]) -> bool:
    """Say whether a file holds one of `marks`; one that is not there holds nothing."""
    longest = max(map(len, marks), default=1)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        kept = b""
        while block := file.read(SCAN_OCTETS):
            window = kept + block
            if any(mark in window for mark in marks):
                return True
            kept = window[-longest:]  # a mark may lie across two blocks
    return False


def main() -> None:
    """Answer for the files of the command line."""
    marks = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    for name in sys.argv[1:]:
        if holds(Path(name), marks):
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
