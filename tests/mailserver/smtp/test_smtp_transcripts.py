from pathlib import Path

import pytest

from tests.support.smtp_transcripts import files, replay


@pytest.mark.parametrize("way", ["whole", "octets", "pipelined"])
@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.stem))
async def test_conversation(path: Path, way: str) -> None:
    await replay(path, way)


def test_there_are_conversations() -> None:
    assert len(files()) >= 10
