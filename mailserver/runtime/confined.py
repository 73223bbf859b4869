"""Programs of ours that read what strangers made, each in a process of its own for one question.

A picture or a document is a program for its reader, and readers written in C have holes. So it is
read by a process that has nothing: no key, no environment, no descriptor but its pipes, and soon no
right to open any (`confinement`). It gets one question on its standard input and answers on its
standard output; nobody believes what it says. It is killed at its deadline, and never asked twice.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from mailserver.model.errors import Condition, Transient

PIECE_OCTETS = 64 * 1024
WAITING = 16  # questions that wait for a process; the next is told to come again


class ConfinedError(Exception):
    """The program did not answer: it died, ran out of its share, or said too much."""


class Confined:
    """Runs one module of ours, so many at once."""

    def __init__(self, module: str, *, at_once: int, deadline: timedelta) -> None:
        """Run `module`.

        Args:
            module: has a `__main__`; it confines itself before it reads.
            at_once: processes; `WAITING` more questions wait.
            deadline: from a process's start to its answer.
        """
        self._command = (sys.executable, "-I", "-B", "-m", module)
        self._room = asyncio.Semaphore(at_once)
        self._most = at_once + WAITING
        self._deadline = deadline
        self._asked = 0

    async def ask(self, question: bytes, *, most_octets: int) -> bytes:
        """Return what a process says to `question`.

        Raises:
            ConfinedError: it says nothing of use.
            Transient: BUSY, too many are asked already, or the machine has no room.
        """
        if self._asked >= self._most:
            raise Transient(Condition.BUSY, "too many are being looked at; try again shortly")
        self._asked += 1
        try:
            async with self._room:
                return await self._answer(question, most_octets)
        finally:
            self._asked -= 1

    async def _answer(self, question: bytes, most_octets: int) -> bytes:
        said, code = None, 0
        try:
            async with (
                asyncio.timeout(self._deadline.total_seconds()),
                self._process() as process,
                asyncio.TaskGroup() as tasks,
            ):
                feeding = tasks.create_task(_feed(process, question))
                said = await _said(process, most_octets)
                code = 0 if said is None else await process.wait()
                feeding.cancel()
        except TimeoutError as late:
            raise ConfinedError("it took too long") from late
        if said is None:
            raise ConfinedError("it says too much")
        if code:
            raise ConfinedError(f"it ended with {code}")
        return said

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start a process for the length of a block, and see that it is gone at its end.

        Raises:
            Transient: BUSY, the machine has no room for one.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise Transient(Condition.BUSY, "the server is busy, try again later") from error
        try:
            yield process
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await asyncio.shield(process.wait())  # it was killed: this takes no time


async def _feed(process: asyncio.subprocess.Process, question: bytes) -> None:
    """Write the question, as far as it is read."""
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        for start in range(0, len(question), PIECE_OCTETS):
            process.stdin.write(question[start : start + PIECE_OCTETS])
            await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _said(process: asyncio.subprocess.Process, most_octets: int) -> bytes | None:
    """Return what the process says until it stops; None where it is more than it may."""
    said = bytearray()
    while process.stdout is not None and (piece := await process.stdout.read(PIECE_OCTETS)):
        said += piece
        if len(said) > most_octets:
            return None
    return bytes(said)
