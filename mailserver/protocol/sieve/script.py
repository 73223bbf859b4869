"""The language as this server speaks it, and what runs a script written in it."""

from collections.abc import Sequence

from mailserver.protocol.sieve import (
    base_actions,
    base_tests,
    body,
    dates,
    editheader,
    flags,
    include,
    notify,
    surroundings,
    vacation,
    variables,
)
from mailserver.protocol.sieve.actions import Discard, Keep, Reject
from mailserver.protocol.sieve.compiler import Compiled, Language, Target, compile_script
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.limits import Limits
from mailserver.protocol.sieve.run import (
    Environment,
    Facts,
    Outcome,
    Returned,
    Run,
    Stopped,
    Unanswered,
)

EXTENSIONS = (
    *("fileinto", "reject", "ereject", "envelope", "encoded-character", "body", "copy"),
    *("imap4flags", "variables", "relational", "regex", "vacation", "vacation-seconds"),
    *("subaddress", "editheader", "duplicate", "date", "index", "mailbox", "mailboxid"),
    *("special-use", "include", "enotify", "spamtest", "spamtestplus", "virustest"),
    *("environment", "ihave", "comparator-i;ascii-numeric", "comparator-i;unicode-casemap"),
)
"""What `require` may name, as ManageSieve tells it; the comparators of the base language go
without."""
NOTIFY_METHODS = ("mailto",)

LANGUAGE = Language(
    commands={
        **base_actions.COMMANDS,
        **editheader.COMMANDS,
        **flags.COMMANDS,
        **include.COMMANDS,
        **notify.COMMANDS,
        **surroundings.COMMANDS,
        **vacation.COMMANDS,
        **variables.COMMANDS,
    },
    tests={
        **base_tests.TESTS,
        **body.TESTS,
        **dates.TESTS,
        **flags.TESTS,
        **notify.TESTS,
        **surroundings.TESTS,
        **variables.TESTS,
    },
    extensions=frozenset(EXTENSIONS) | {"comparator-i;octet", "comparator-i;ascii-casemap"},
)


class Script:
    """A script that was compiled, ready for any number of messages."""

    __slots__ = ("_compiled", "_limits")

    def __init__(self, compiled: Compiled, limits: Limits) -> None:
        """Made by `compile`."""
        self._compiled = compiled
        self._limits = limits

    @property
    def required(self) -> frozenset[str]:
        """The extensions it requires."""
        return self._compiled.required

    @property
    def includes(self) -> frozenset[str]:
        """The account's own scripts that it names; they are to be in the environment."""
        return self._compiled.includes

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where it redirects or notifies to."""
        return self._compiled.targets

    @property
    def runnable(self) -> Compiled:
        """What another script's `include` runs."""
        return self._compiled

    def run(
        self,
        facts: Facts,
        environment: Environment,
        then: Sequence["Script"] = (),
        *,
        work: int | None = None,
    ) -> Outcome:
        """Decide what becomes of a message; never raises.

        The scripts of `then` follow in their order, each with its own variables; `stop` ends one
        of them only. Where a message was refused or dropped, nothing follows. `work` allows fewer
        steps than the limits do; `Outcome.error` is TooMuchWork where they were too few.
        """
        run = Run(facts, environment, self._limits, work)
        try:
            for number, script in enumerate((self, *then)):
                if number and _is_over(run):
                    break
                run.clear()
                _follow(script, run)
            return run.outcome()
        except Unanswered as missing:
            return Outcome(question=missing.question)
        except SieveError as error:
            return Outcome((Keep(),), error)
        except RecursionError:
            return Outcome((Keep(),), SieveError(0, 0, "this script is nested too deeply"))


def _follow(script: Script, run: Run) -> None:
    try:
        script.runnable.step(run)
    except (Stopped, Returned):
        return


def _is_over(run: Run) -> bool:
    """Say whether the message is refused, or dropped without being stored anywhere."""
    if any(isinstance(action, Reject) for action in run.actions):
        return True
    dropped = any(isinstance(action, Discard) for action in run.actions)
    return dropped and all(isinstance(action, Discard) for action in run.actions)


def compile(script: bytes | str, limits: Limits | None = None) -> Script:
    """Compile a script.

    Raises:
        SieveError: it is no script this server runs; says where and why.
    """
    limits = limits or Limits()
    octets = script.encode("utf-8", "surrogatepass") if isinstance(script, str) else script
    return Script(compile_script(octets, limits, LANGUAGE), limits)
