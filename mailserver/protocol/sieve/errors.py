"""What is wrong with a script, and where."""


class SieveError(Exception):
    """A script that is refused when it is compiled, or that failed when it ran.

    `line` and `column` count from 1; both are 0 where no place can be named. The text is for the
    script's author, and may quote the script.
    """

    def __init__(self, line: int, column: int, text: str) -> None:
        """Carry the place and a short English text."""
        super().__init__(line, column, text)
        self.line = line
        self.column = column
        self.text = text

    def at(self, line: int, column: int) -> "SieveError":
        """Return the same error with its place."""
        return type(self)(line, column, self.text)

    def __str__(self) -> str:
        """Say where, then what."""
        if not self.line:
            return self.text
        return f"line {self.line}, column {self.column}: {self.text}"


class TooMuchWork(SieveError):
    """A run took more steps than it may; with more of them it might have ended."""
