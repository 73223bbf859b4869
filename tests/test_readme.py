"""The commands that README.md tells a newcomer to type, typed."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import ROOT, Zegel, prepared

README = (ROOT / "README.md").read_text(encoding="utf-8")
PASSWORD = "seven tides under the bridge\n"


def shell_blocks() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [
        [line.partition(" #")[0].strip() for line in block.splitlines() if line] for block in blocks
    ]


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    return prepared(tmp_path / "run")


@pytest.fixture
def on_engine(tmp_path: Path, databases: dict[str, str]) -> Zegel:
    """The same on SQLite, and on two instances of PostgreSQL."""
    named = {f"ZEGEL_{name.replace('__', '_').upper()}": url for name, url in databases.items()}
    return prepared(tmp_path / "run", **named)


@pytest.fixture
def ports(on_engine: Zegel) -> Iterator[dict[str, str]]:
    """A running server; which port it has for each that the README names."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ZEGEL_")}
    for name in ("MX", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS"):
        environ[f"ZEGEL_LISTENERS_{name}_ADDRESS"] = "127.0.0.1:0"
    for name in ("HTTPS", "API"):
        environ[f"ZEGEL_LISTENERS_{name}_ADDRESS"] = "off"
    with subprocess.Popen(
        [sys.executable, "-m", "mailserver", "serve"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environ, "ZEGEL_CONFIG": str(on_engine.config), **on_engine.settings},
    ) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(8)][3:]
        bound = [match[1] for line in said if (match := re.search(r":(\d+)", line))]
        assert len(bound) == 5, said
        mx, submission, submissions, _, imaps = bound
        yield {"2525": mx, "2587": submission, "2465": submissions, "2993": imaps}
        server.terminate()
        assert server.wait(timeout=30) == 0


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    first = shell_blocks()[0]
    assert [line.split()[:2] for line in first] == [["make", "run"], ["make", "test"]]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert named <= set(targets)


def test_every_command_named_in_the_text_exists(zegel: Zegel) -> None:
    for words in set(re.findall(r"`zegel ([a-z -]+)`", README)):
        assert zegel(*words.split(), "--help").status == 0, words


def test_walk_through_ends_with_a_letter_that_is_read(
    on_engine: Zegel, ports: dict[str, str]
) -> None:
    zegel = on_engine
    app_password = last = ""
    for written in shell_blocks()[1]:
        line = written.replace("THE-APP-PASSWORD", app_password)
        for standard, bound in ports.items():
            line = line.replace(f":{standard}", f":{bound}")
        words = shlex.split(line)
        if words[0] == "export":
            continue
        if words[0] == "zegel":
            given = PASSWORD if words[1] in ("user", "app-password") else ""
            said = zegel.done(*words[1:], given=given)
            if words[1] == "app-password":
                app_password = said.split()[-1]
            continue
        run = subprocess.run(words, capture_output=True, check=True, text=True, timeout=30)
        last = run.stdout
    assert "Subject: Hello" in last


def test_ports_in_the_table_are_those_of_the_settings_it_makes(zegel: Zegel) -> None:
    settings = zegel.config.read_text()
    named = set(re.findall(r"\b(2\d{3})\b", README))
    assert named
    assert all(f":{port}" in settings for port in named)
