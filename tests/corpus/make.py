"""Make the corpus: run real mail programs on our own text and keep what they put on the wire.

    python tests/corpus/make.py [name …]

Each program sends by SMTP to a sink on a free loopback port, or writes the message itself where it
speaks no SMTP. The sink undoes dot-stuffing and nothing else. A program that is not installed is
named and left out. Runs as an ordinary user; Postfix's bounces need root (`postfix.sh`).
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SECONDS = 60


class Sink(threading.Thread):
    """An SMTP server that takes anything and keeps the octets of each message."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.messages: list[bytes] = []

    def run(self) -> None:
        """Serve one connection after the other."""
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rwb") as stream:
                try:
                    self._talk(stream)
                except ConnectionError as gone:
                    print(f"the program hung up: {gone}")

    def _talk(self, stream) -> None:  # type: ignore[no-untyped-def]
        def say(line: bytes) -> None:
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 sink.zegel.test ESMTP")
        while line := stream.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-sink.zegel.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 50000000")
            elif verb == b"DATA":
                say(b"354 go on")
                lines = []
                while (part := stream.readline()) not in (b".\r\n", b""):
                    lines.append(part[1:] if part.startswith(b".") else part)
                self.messages.append(b"".join(lines))
                say(b"250 kept")
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 ok")


def run(script: Path, sink: Sink) -> list[bytes]:
    """Run one script in an empty home; return the messages it sent or wrote to `out-*.eml`."""
    before = len(sink.messages)
    with tempfile.TemporaryDirectory() as home:
        texts = HERE / "texts"
        shutil.copytree(texts, Path(home, "texts"))
        environment = {
            "PATH": os.environ["PATH"] + ":/usr/bin/mh:/usr/lib/mh:/usr/sbin:/sbin",
            "HOME": home,
            "PORT": str(sink.port),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "Europe/Amsterdam",
            "NODE_PATH": os.environ.get("NODE_PATH", ""),
            "HOSTNAME": "mail.zegel.test",
        }
        interpreter = {".py": [sys.executable], ".pl": ["perl"], ".rb": ["ruby"], ".php": ["php"]}
        command = interpreter.get(script.suffix, ["node" if script.suffix == ".cjs" else "bash"])
        done = subprocess.run(
            [*command, str(script)],
            cwd=home,
            env=environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        written = [path.read_bytes() for path in sorted(Path(home).glob("out-*.eml"))]
    if done.returncode:
        print(f"{script.name}: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return sink.messages[before:] + written


def main() -> None:
    """Run the scripts named, or all of them."""
    sink = Sink()
    sink.start()
    wanted = set(sys.argv[1:])
    for script in sorted(PROGRAMS.iterdir()):
        if wanted and script.stem not in wanted:
            continue
        messages = run(script, sink)
        for number, message in enumerate(messages, start=1):
            message = message if b"\r\n" in message else message.replace(b"\n", b"\r\n")
            (HERE / f"{script.stem}-{number}.eml").write_bytes(message)
        print(f"{script.stem}: {len(messages)} messages")


if __name__ == "__main__":
    main()
