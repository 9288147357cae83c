"""The folder of a bench: tried first, made when there is something to write, and each file whole or not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from racer.cli.bench_files import Folder
from racer.errors import BadRequest, RacerError

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_both_files_are_written(tmp_path: Path) -> None:
    """Over those of an earlier bench, and with nothing beside them; the folder is made for that."""
    folder = Folder(tmp_path / "a" / "b")
    for number in (1, 2):
        folder.write({"number": number, "name": "ü"}, "<p>")

    assert names(tmp_path / "a" / "b") == ["report.html", "report.json"]
    assert folder.files == tuple(str(tmp_path / "a" / "b" / name) for name in ("report.json", "report.html"))
    assert json.loads((folder.path / "report.json").read_text("utf-8")) == {"number": 2, "name": "ü"}
    assert (folder.path / "report.html").stat().st_mode & 0o777 == 0o644


def test_a_probe_leaves_nothing(tmp_path: Path) -> None:
    """Neither the folder nor those that it is in; what was there before stays."""
    Folder(tmp_path / "a" / "b").probe()
    assert names(tmp_path) == []
    (tmp_path / "empty").mkdir()
    Folder(tmp_path / "empty").probe()
    Folder(tmp_path / "empty" / "new").probe()
    assert names(tmp_path) == ["empty"]


def test_one_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """With its name; and what was made of it goes again."""
    (tmp_path / "file").write_text("")

    for path in (
        tmp_path / "file",
        tmp_path / "file" / "under",
        tmp_path / "new" / ("x" * 300),
        tmp_path / ("x" * 300),
    ):
        with pytest.raises(BadRequest, match=r"--out .*: .*name a folder"):
            Folder(path).probe()

    assert names(tmp_path) == ["file"]


def test_what_cannot_be_written_is_told_and_leaves_nothing_half(tmp_path: Path) -> None:
    """Here something has taken the place of the page; the other file is written all the same."""
    (tmp_path / "r" / "report.html").mkdir(parents=True)

    with pytest.raises(RacerError) as caught:
        Folder(tmp_path / "r").write({}, "<p>")

    assert str(caught.value) == (
        f"--out {tmp_path / 'r'}: report.html was not written: Is a directory; report.json was"
    )
    assert names(tmp_path / "r") == ["report.html", "report.json"]


def test_where_nothing_can_be_written_both_are_named(tmp_path: Path) -> None:
    """A file has taken the place of the folder."""
    (tmp_path / "r").write_text("")

    with pytest.raises(RacerError, match=r"r: report.json and report.html were not written: File exists$"):
        Folder(tmp_path / "r").write({}, "<p>")
