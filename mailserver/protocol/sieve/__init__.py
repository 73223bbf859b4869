"""Sieve (RFC 5228 and its extensions): text in, a checked program out; facts in, actions out.

Sans-IO: a program is run on what a message says and what its surroundings say, within bounds of
steps and memory, and returns what is to be done. Doing it is `mail`'s.

`lexer` and `grammar` read any Sieve; `forms` says what a command may look like, `compiler` checks
it against that and makes functions of it, `run` is what those functions work on. The commands and
tests lie in a module for each extension, and `script` puts them together as a language.
"""

from mailserver.protocol.sieve.compiler import Target
from mailserver.protocol.sieve.errors import SieveError, TooMuchWork
from mailserver.protocol.sieve.limits import Limits
from mailserver.protocol.sieve.run import Environment, Facts, Outcome
from mailserver.protocol.sieve.script import EXTENSIONS, NOTIFY_METHODS, Script, compile

__all__ = [
    "EXTENSIONS",
    "NOTIFY_METHODS",
    "Environment",
    "Facts",
    "Limits",
    "Outcome",
    "Script",
    "SieveError",
    "Target",
    "TooMuchWork",
    "compile",
]
