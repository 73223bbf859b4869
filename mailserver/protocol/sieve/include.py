"""`include`, `return` and `global` (RFC 6609)."""

from mailserver.protocol.sieve.compiler import Scope
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.forms import Call, CommandForm, Form, Kind, Option
from mailserver.protocol.sieve.run import Returned, Run, Step
from mailserver.protocol.sieve.variables import variable_name


def _include(call: Call, scope: Scope) -> Step:
    name = scope.constant(call.only(0), "include")
    shared, once, optional = call.has("global"), call.has("once"), call.has("optional")
    if not shared:
        scope.includes.add(name)

    def include(run: Run) -> None:
        if once and name in run.once:
            return
        run.once.add(name)
        script = None if shared else run.environment.included.get(name)
        if script is None:
            if optional:
                return
            raise SieveError(0, 0, f'there is no script "{name}" to include')
        run.includes += 1
        if run.depth >= run.limits.include_depth or run.includes > run.limits.includes:
            raise SieveError(0, 0, "scripts include each other too often")
        held = (run.variables, run.shared)
        run.depth += 1
        run.variables, run.shared = {}, set()
        try:
            script.step(run)
        except Returned:
            return
        except SieveError as error:
            raise type(error)(0, 0, f'script "{name}", {error}') from None
        finally:
            run.depth -= 1
            run.variables, run.shared = held

    return include


def _return(_call: Call, _scope: Scope) -> Step:
    def leave(_run: Run) -> None:
        raise Returned

    return leave


def _global(call: Call, scope: Scope) -> Step:
    scope.need(("variables",), call.node.at, "global")
    names = {variable_name(given, scope) for given in call.texts(0)}

    def share(run: Run) -> None:
        run.shared |= names
        for name in names:
            run.variables.pop(name, None)
            run.globals.setdefault(name, "")
        if len(run.globals) > run.limits.variables:
            raise SieveError(0, 0, "scripts share too many variables")

    return share


COMMANDS: dict[str, CommandForm] = {
    "include": (
        Form(
            needs=("include",),
            options={
                "personal": Option(group="location"),
                "global": Option(group="location"),
                "once": Option(),
                "optional": Option(),
            },
            arguments=(Kind.STRING,),
        ),
        _include,
    ),
    "return": (Form(needs=("include",)), _return),
    "global": (Form(needs=("include",), arguments=(Kind.STRINGS,)), _global),
}
