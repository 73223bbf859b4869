"""A throw-away Zegel as another program: started, killed, started again on the same data and ports.

    python -m benchmarks.throwaway start DIR [--users N] [--workers N]
                                             [--database URL] [--keystore URL]
    python -m benchmarks.throwaway restart DIR
    python -m benchmarks.throwaway stop DIR

DIR/server.json holds the JSON line of `benchmarks.serve`, DIR/pid its process.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

START_SECONDS = 120
STOP_SECONDS = 40
LISTENERS = ("imap", "imaps", "mx", "submission", "submissions", "lmtp", "https", "api")
"""The order of `--ports`; the console follows when it is built."""


def start(directory: Path, *options: str) -> dict[str, Any]:
    """Start `benchmarks.serve` on DIR/data in a process group of its own and wait for its line.

    Raises:
        RuntimeError: it did not come up; its last words are told.
    """
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "server.log"
    with log.open("ab") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serve", "--data", str(directory / "data"), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[1],
        )
    assert server.stdout is not None
    os.set_blocking(server.stdout.fileno(), False)
    line, deadline = b"", time.monotonic() + START_SECONDS
    while not line.endswith(b"\n"):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise RuntimeError(f"the server did not start: {tail(log)}")
        line += server.stdout.read() or b""
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(line)
    (directory / "server.json").write_bytes(line)
    (directory / "options.json").write_text(json.dumps(options))
    (directory / "pid").write_text(f"{found['pid']}\n")
    return found


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-2_000:]


def stop(directory: Path, how: signal.Signals = signal.SIGTERM) -> None:
    """End the server of DIR and all its children; wait until they are gone."""
    try:
        pid = int((directory / "pid").read_text())
        os.killpg(pid, how)
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + STOP_SECONDS
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    if alive(pid):
        os.killpg(pid, signal.SIGKILL)
    (directory / "pid").unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Say whether the process runs; one that ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def restart(directory: Path, how: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
    """Stop the server and start it on the same data and ports."""
    found = json.loads((directory / "server.json").read_text())
    options: list[str] = json.loads((directory / "options.json").read_text())
    if "--ports" not in options:
        ports = [found[name].rpartition(":")[2] if found.get(name) else "0" for name in LISTENERS]
        options = [*options, "--ports", ",".join(ports)]
    stop(directory, how)
    if os.environ.get("DROP_CACHES") == "1":
        drop_page_cache()
    return start(directory, *options)


def drop_page_cache() -> None:
    """Let the next reads come from the disk, as the peer's restart does."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        print("the page cache was not dropped: that takes root", file=sys.stderr)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("command", choices=("start", "restart", "stop"))
    parser.add_argument("directory", type=Path)
    parser.add_argument("--users", default="10")
    parser.add_argument("--database")
    parser.add_argument("--keystore")
    parser.add_argument("--workers", default="1")
    options = parser.parse_args()
    if options.command == "stop":
        stop(options.directory)
    elif options.command == "restart":
        restart(options.directory)
    else:
        urls = ["--database", options.database] if options.database else []
        urls += ["--keystore", options.keystore] if options.keystore else []
        workers = ["--workers", options.workers]
        print(json.dumps(start(options.directory, "--users", options.users, *workers, *urls)))


if __name__ == "__main__":
    main()
