"""The output as a file: whole rows or nothing, one holder, another file in its place, a full disk."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from racer.batch.outfile import OutFile, beside, free_number, settled
from racer.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """Writes that go as `steps` say: so many bytes, an error, or None for all of them."""

    def __init__(self, *steps: int | OSError | None) -> None:
        self.steps = list(steps)

    def write(self, handle: int, data: bytes) -> int:
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, OSError):
            raise step
        return os.write(handle, data[:step])


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def out(path: Path) -> Iterator[OutFile]:
    file = OutFile.open(path)
    yield file
    file.close()


def lines(file: OutFile) -> list[bytes]:
    return [piece.data for piece in file.pieces()]


# ---------------------------------------------------------------- where it may lie


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute, and behind a link of the user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")

    assert settled(tmp_path.relative_to(tmp_path) / "new") == tmp_path / "new"
    assert settled(tmp_path / "link") == tmp_path / "real"


def test_where_it_cannot_be(tmp_path: Path) -> None:
    """Each with its reason, and nothing is made."""
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")

    for name, words in (
        ("link", "a link to a file that does not exist"),
        ("pipe", "not a plain file"),
        (".", "it is a folder"),
        ("no/such/out", "mkdir -p makes it"),
        ("x" * 300, "File name too long"),
    ):
        with pytest.raises(JobError, match=words):
            settled(tmp_path / name)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Others do not choose which of our files grows."""
    (tmp_path / "mine").touch()
    (tmp_path / "link").symlink_to("mine")
    os.lchown(tmp_path / "link", 12345, 12345)

    with pytest.raises(JobError, match="belongs to another user"):
        settled(tmp_path / "link")


def test_names_that_are_free(path: Path) -> None:
    """The first number that nothing has."""
    path.with_name("out.jsonl.old-1").touch()

    assert free_number(path, purpose="old") == 2
    assert beside(path, "job").name == ".out.jsonl.job"


# ---------------------------------------------------------------- one holder


def test_only_one_has_it(path: Path, out: OutFile) -> None:
    """The second is told who it is, and gets it when the first has closed."""
    with pytest.raises(JobError, match=r"in use \(process 7\)") as caught:
        OutFile.open(path, holder=lambda: "process 7")

    assert caught.value.kind == "busy"
    out2 = OutFile(path, os.open(path, os.O_RDWR), os.write, made=False)
    os.close(out2._handle)  # pyright: ignore[reportPrivateUsage]  closing another handle lets go of nothing
    with pytest.raises(JobError):
        OutFile.open(path)


def test_a_new_one_is_for_its_owner_alone(path: Path, out: OutFile) -> None:
    """An old one keeps the mode that it has."""
    assert out.made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    out.append([b"1"])
    out.rewrite(lambda _: True)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_one_that_was_replaced_keeps_its_lock(path: Path, out: OutFile) -> None:
    """The new file is locked before it has the name."""
    out.append([b"1", b"2"])
    out.rewrite(lambda data: data == b"2\n")

    assert path.read_bytes() == b"2\n"
    assert out.size == 2
    with pytest.raises(JobError):
        OutFile.open(path)
    out.append([b"3"])
    assert path.read_bytes() == b"2\n3\n"


def test_a_file_that_went_away_is_missed(path: Path, out: OutFile) -> None:
    """At the next commit: what is appended would be nowhere."""
    out.sync()
    path.unlink()

    with pytest.raises(JobError, match="deleted or replaced"):
        out.sync()


# ---------------------------------------------------------------- rows


def test_rows_go_behind_what_is_there(path: Path) -> None:
    """Nothing is overwritten."""
    path.write_bytes(b"0\n")
    file = OutFile.open(path)

    assert not file.made
    assert file.append([b"1", b"2"]) == 2
    assert file.append([]) == 0
    assert lines(file) == [b"0\n", b"1\n", b"2\n"]
    assert (file.size, file.why) == (6, None)
    assert (file.tail(4, 2), file.tail(1, 2)) == (b"1\n", b"")
    file.close()


def test_a_row_is_one_line(out: OutFile) -> None:
    """A fault of ours must not tear the file."""
    with pytest.raises(ValueError, match="newline"):
        out.append([b"1\n2"])

    assert out.size == 0


def test_a_write_may_be_short(path: Path) -> None:
    """The rest follows."""
    file = OutFile.open(path, Disk(1, 2, 0).write)

    assert file.append([b"111", b"222"]) == 2
    assert (lines(file), file.why) == ([b"111\n", b"222\n"], None)
    file.close()


@pytest.mark.parametrize("done", range(8))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_what_does_not_fit_leaves_no_trace(path: Path, done: int, number: int) -> None:
    """Wherever the disk refuses, the rows before are whole, and the next go right behind them."""
    file = OutFile.open(path, Disk(None, done, OSError(number, "no")).write)
    file.append([b"000"])

    assert file.append([b"111", b"222"]) == done // 4
    assert file.why is not None
    assert path.read_bytes() == b"000\n111\n222\n"[: 4 + done // 4 * 4]

    file.append([b"333"])
    assert path.read_bytes() == b"000\n111\n222\n"[: file.size - 4] + b"333\n"
    file.close()


def test_room_that_was_laid_by(path: Path) -> None:
    """It is given for the rows in hand, and the disk is said to be full nevertheless."""
    file = OutFile.open(path, Disk(2, FULL).write)
    file.take_room()
    assert beside(path, "room").stat().st_size == 1 << 20

    assert file.append([b"111", b"222"]) == 2
    assert file.why is FULL
    assert not beside(path, "room").exists()

    assert file.append([b"333"]) == 1
    assert file.why is None
    file.close()


def test_the_room_goes_with_the_file(path: Path) -> None:
    """What a killed run has left is taken over, and nothing stays in the end."""
    beside(path, "room").write_bytes(b"old")
    file = OutFile.open(path)
    file.take_room()
    file.close()

    assert [each.name for each in path.parent.iterdir()] == ["out.jsonl"]


def test_pieces_from_a_place(path: Path, out: OutFile) -> None:
    """With their offsets; the last one may be torn."""
    path.write_bytes(b"0\n\n22\n33")

    assert list(out.pieces(2)) == [(2, b"\n"), (3, b"22\n"), (6, b"33")]


def test_a_copy_is_kept(path: Path, out: OutFile) -> None:
    """By a link where there are links; what takes the place of the file leaves it alone."""
    out.append([b"1", b"2"])

    first, second = out.keep_copy("damaged"), out.keep_copy("damaged")
    out.rewrite(lambda data: data == b"1\n")

    assert [first.name, second.name] == ["out.jsonl.damaged-1", "out.jsonl.damaged-2"]
    assert first.read_bytes() == second.read_bytes() == b"1\n2\n"


def test_a_rewrite_that_fails_changes_nothing(path: Path, out: OutFile) -> None:
    """The old file stays, and nothing lies beside it."""
    out.append([b"1"])

    def broken(_: bytes) -> bool:
        raise FULL

    with pytest.raises(OSError, match="No space"):
        out.rewrite(broken)

    assert lines(out) == [b"1\n"]
    assert [each.name for each in path.parent.iterdir()] == ["out.jsonl"]


def test_a_torn_end_gets_its_newline(path: Path) -> None:
    """What is kept is kept whole."""
    path.write_bytes(b"1\n2")
    file = OutFile.open(path)

    file.rewrite(lambda _: True)

    assert path.read_bytes() == b"1\n2\n"
    file.cut_to(2)
    assert path.read_bytes() == b"1\n"
    file.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It says how to make it, and nothing of going on."""
    with pytest.raises(JobError, match="mkdir -p makes it") as told:
        settled(tmp_path / "none" / "out.jsonl")
    assert told.value.kind == "missing"
    assert "goes on" not in str(told.value)
