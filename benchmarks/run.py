"""Zegel beside Dovecot, plain and encrypted, one after the other in one run on this machine.

    python -m benchmarks.run [--quick] [--tls] [--only list,search]
                             [--servers plain,encrypted,zegel]

Writes benchmarks/results/<date>.json and .md. With --tls every IMAP connection is encrypted from
its first octet; what idle connections cost then is one of the marks. Trust the ratios of one run:
the machine's absolute speed wanders. A server whose checks fail is told as such; its figures do
not count.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import throwaway
from benchmarks.report import OURS, markdown

HERE = Path(__file__).resolve().parent
PEER = HERE / "peers" / "dovecot.sh"
MAILBENCH = HERE / "mailbench.py"
USERS = "10"
IMAPS = {"plain": "127.0.0.1:21993", "encrypted": "127.0.0.1:22993"}
"""Where the peer's script has IMAP with TLS."""
LONGEST_SECONDS = 3_600  # of one server's run


def dovecot(variant: str, options: list[str], *, tls: bool) -> dict[str, Any] | None:
    """Measure the peer on fresh data; None where it gave no figures."""
    options = [*options, *(["--tls", "--imap", IMAPS[variant]] if tls else [])]
    return _figures([str(PEER), "bench", variant, *options], f"dovecot {variant}")


def zegel(options: list[str], urls: list[str], *, tls: bool) -> dict[str, Any] | None:
    """Measure a throw-away Zegel; None where it gave no figures."""
    directory = Path(tempfile.mkdtemp(prefix="zegel-bench-"))
    try:
        found = throwaway.start(directory, "--users", USERS, *urls)
        into = ["--lmtp", found["lmtp"]] if found.get("lmtp") else ["--smtp", found["mx"]]
        again = f"DROP_CACHES=1 {sys.executable} -m benchmarks.throwaway restart {directory}"
        imap = ["--tls", "--imap", found["imaps"]] if tls else ["--imap", found["imap"]]
        command = [sys.executable, str(MAILBENCH), *imap, *into]
        command += ["--user", found["user_pattern"], "--password", found["password_pattern"]]
        command += ["--users", USERS, "--label", OURS, "--pid-tree", f"@{directory / 'pid'}"]
        command += ["--data-dir", found["data_dir"], "--restart-cmd", again, *options]
        return _figures(command, OURS)
    finally:
        throwaway.stop(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _figures(command: list[str], label: str) -> dict[str, Any] | None:
    print(f"== {label}", file=sys.stderr, flush=True)
    run = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=HERE.parent, timeout=LONGEST_SECONDS, check=False
    )
    try:
        document: dict[str, Any] = json.loads(run.stdout)
    except ValueError:
        print(f"{label}: no figures, exit status {run.returncode}", file=sys.stderr)
        return None
    return document


def main() -> int:
    """Run what was asked for and write the results; 1 where a server failed or gave nothing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small, a few minutes in all")
    parser.add_argument("--tls", action="store_true", help="IMAP with implicit TLS")
    parser.add_argument("--only", help="some of mailbench's scenarios, by comma")
    parser.add_argument("--servers", default="plain,encrypted,zegel")
    parser.add_argument("--database", help="a PostgreSQL URL for Zegel's mail")
    parser.add_argument("--keystore", help="another PostgreSQL's URL for Zegel's keystore")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    options = [
        *(["--quick"] if asked.quick else []),
        *(["--only", asked.only] if asked.only else []),
    ]
    urls = [
        *(["--database", asked.database] if asked.database else []),
        *(["--keystore", asked.keystore] if asked.keystore else []),
    ]
    wanted = asked.servers.split(",")
    if shutil.which("dovecot") is None and set(wanted) - {OURS}:
        print(f"Dovecot is not installed; as root: {PEER} install", file=sys.stderr)
        return 1
    documents: dict[str, dict[str, Any]] = {}
    for name in wanted:
        document = (
            zegel(options, urls, tls=asked.tls)
            if name == OURS
            else dovecot(name, options, tls=asked.tls)
        )
        if document is not None:
            documents[name if name == OURS else f"dovecot-{name}"] = document
    if not documents:
        return 1
    now = datetime.now(UTC)
    stem = asked.output / (now.strftime("%Y-%m-%d-%H%M") + ("-tls" if asked.tls else ""))
    asked.output.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(documents, indent=1) + "\n")
    text = markdown(documents, f"Measured {now:%Y-%m-%d %H:%M} UTC")
    stem.with_suffix(".md").write_text(text)
    print(text)
    failed = [name for name, doc in documents.items() if doc["checks"]["failed"]]
    return 1 if failed or len(documents) < len(wanted) else 0


if __name__ == "__main__":
    sys.exit(main())
