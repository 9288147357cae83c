"""Errors of the disk and of SQLite, in words that say what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import get_args

import pytest

from racer.batch.trouble import WORDS, kind_of, translated, trouble
from racer.errors import JobTrouble

OUT = Path("/somewhere/out.jsonl")


@pytest.mark.parametrize("kind", get_args(JobTrouble))
def test_every_kind_has_words(kind: JobTrouble) -> None:
    """They name the file and the reason."""
    error = trouble(kind, OUT, "because")

    assert error.kind == kind
    assert str(OUT) in str(error)
    assert "(because)" in str(error)
    assert kind in WORDS


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, "full", "free some room, then run the same command again"),
        (errno.EDQUOT, "full", "free some room"),
        (errno.EFBIG, "full", "free some room"),
        (errno.EROFS, "read_only", "make it and its folder writable"),
        (errno.EACCES, "read_only", "or give another file"),
        (errno.EIO, "other", "see to that"),
    ],
)
def test_errors_of_the_disk(number: int, kind: str, words: str) -> None:
    """Each says what to do before the same is run again."""
    error = translated(OSError(number, "so it is", "/x"), OUT)

    assert (error.kind, words in str(error)) == (kind, True)
    assert "(so it is: /x)" in str(error)


def test_errors_of_sqlite() -> None:
    """By their codes; those without one are told as they are."""
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect("/nowhere/at/all")

    assert kind_of(caught.value) == "other"
    assert translated(sqlite3.Error(), OUT).kind == "other"
    assert "(OSError)" in str(translated(OSError(), OUT))
