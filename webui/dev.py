"""`python -m webui.dev [build|watch|test|check]`: the web app while one works on it.

build   into webui/static, if the sources changed
watch   again after each change, until Ctrl-C; start the server again to see it
test    the unit tests, with further words for vitest
check   types, accessibility rules of the compiler, unused styles
npm     npm itself, as in `python -m webui.dev npm install --save-exact NAME`
"""

import sys
from pathlib import Path

from webui.front_end import FrontEnd, NotBuilt

ROOT = Path(__file__).resolve().parents[1]
_VITE = "node_modules/vite/bin/vite.js"
_VITEST = "node_modules/vitest/vitest.mjs"
_CHECK = "node_modules/svelte-check/bin/svelte-check"
_TYPES = "node_modules/typescript/bin/tsc"


def run(app: FrontEnd, word: str, *more: str) -> None:
    """Do what `word` says.

    Raises:
        NotBuilt: it failed.
        SystemExit: there is no such word.
    """
    match word:
        case "build":
            app.build()
        case "watch":
            app.install()
            app.node(_VITE, "build", "--watch", *more)
        case "test":
            app.install(development=True)
            app.node(_VITEST, "run", *more)
        case "check":
            app.install(development=True)
            app.node(_CHECK, "--tsconfig", "./tsconfig.json", "--fail-on-warnings", *more)
            # A worker has no window, and names of its own for what it has.
            app.node(_TYPES, "--project", "./tsconfig.worker.json")
        case "npm":
            app.npm(*more)
        case _:
            raise SystemExit(__doc__)


def main() -> None:
    """Run a word of the command line; without one, build."""
    words = sys.argv[1:] or ["build"]
    try:
        run(FrontEnd.of(ROOT), *words)
    except NotBuilt as failure:
        raise SystemExit(f"webui.dev: {failure}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
