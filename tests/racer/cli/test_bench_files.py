"""The folder of a bench: tried first, written whole, and gone again where nothing came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from racer.cli.bench_files import Folder
from racer.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_both_files_are_written(tmp_path: Path) -> None:
    """Over those of an earlier bench, and with nothing beside them."""
    for number in (1, 2):
        with Folder(tmp_path / "a" / "b") as folder:
            folder.write({"number": number, "name": "ü"}, "<p>")

    assert names(tmp_path / "a" / "b") == ["report.html", "report.json"]
    assert json.loads((folder.path / "report.json").read_text("utf-8")) == {"number": 2, "name": "ü"}
    assert (folder.path / "report.html").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_nothing_came_into_goes_again(tmp_path: Path) -> None:
    """One that was there before stays."""
    with Folder(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    with Folder(tmp_path):
        pass
    assert tmp_path.exists()


def test_one_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "file").write_text("")

    with pytest.raises(BadRequest, match=r"--out .*file: .*name a folder"), Folder(tmp_path / "file"):
        pass


def test_what_cannot_be_written_leaves_nothing_half(tmp_path: Path) -> None:
    """Here something has taken the place of the page meanwhile."""
    with Folder(tmp_path / "r") as folder:
        (folder.path / "report.html").mkdir()
        with pytest.raises(OSError, match="directory"):
            folder.write({}, "<p>")

    assert names(tmp_path / "r") == ["report.html", "report.json"]
