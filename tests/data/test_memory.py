"""The memory budget: what is given, what is found, and how it is written."""

from pathlib import Path

import pytest

from lib import memory


@pytest.mark.parametrize(
    ("text", "expected"),
    [("690MB", 690_000_000), ("2.7 GB", 2_700_000_000), ("512MiB", 536_870_912), ("700000000", 700_000_000), ("1kb", 1000)],
)
def test_a_size_is_read(text: str, expected: int) -> None:
    assert memory.parse(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-5MB", "5 parsecs", "0", "1e9", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="COUNTERWEIGHT_MEMORY must be bytes or a size such as 690MB"):
        memory.parse(text)


def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    assert memory.budget() == 690_000_000
    assert memory.upload_budget() == 145_000_000  # half of what 400 MB of program leave
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "300MB")
    assert memory.upload_budget() == memory.FLOOR


def test_without_it_the_container_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COUNTERWEIGHT_MEMORY", raising=False)
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP_LIMITS", (limit, tmp_path / "absent"))
    limit.write_text("500000000\n")
    assert memory.budget() == 500_000_000
    limit.write_text("max\n")
    assert memory.budget() == memory.physical()


@pytest.mark.parametrize(
    ("count", "text"), [(64_000_000, "64 MB"), (2_700_000_000, "2.7 GB"), (1500, "1.5 kB"), (12, "12 bytes")]
)
def test_sizes_are_written_for_readers(count: int, text: str) -> None:
    assert memory.size(count) == text
