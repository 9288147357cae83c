"""The database as files: folders and modes, links, the lock on opening, names that are free."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from racer.errors import StoreError
from racer.store import file

NOON = 1_769_860_800.0  # 2026-01-31, 12:00 UTC


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ---------------------------------------------------------------- where it may lie


def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The folder of the database is made, with those above it; nobody else may enter."""
    path = file.settled(tmp_path / "state" / "racer" / "racer.db")

    assert path == tmp_path / "state" / "racer" / "racer.db"
    assert mode(path.parent) == 0o700


def test_a_folder_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    """It may be the user's working folder."""
    tmp_path.chmod(0o755)

    file.settled(tmp_path / "racer.db")

    assert mode(tmp_path) == 0o755


def test_a_relative_path_is_made_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program does with its working folder later makes no difference."""
    monkeypatch.chdir(tmp_path)

    assert file.settled(Path("racer.db")) == tmp_path / "racer.db"


def test_a_link_of_ours_is_followed(tmp_path: Path) -> None:
    """The log lies beside the file and not beside the link."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "racer.db").touch()
    (tmp_path / "racer.db").symlink_to(tmp_path / "far" / "racer.db")

    assert file.settled(tmp_path / "racer.db") == tmp_path / "far" / "racer.db"


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    """Who plants one chooses where we make a file."""
    (tmp_path / "racer.db").symlink_to(tmp_path / "nowhere")

    with pytest.raises(StoreError, match="a file that does not exist") as caught:
        file.settled(tmp_path / "racer.db")

    assert caught.value.kind == "unopened"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Nor may others choose which of our files is the database."""
    (tmp_path / "mine").touch()
    (tmp_path / "racer.db").symlink_to(tmp_path / "mine")
    os.lchown(tmp_path / "racer.db", 12345, 12345)

    with pytest.raises(StoreError, match="belongs to another user"):
        file.settled(tmp_path / "racer.db")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """Said in plain words, where SQLite says that it cannot open a file."""
    with pytest.raises(StoreError, match="it is not a file"):
        file.settled(tmp_path)


def test_nothing_can_lie_below_a_file(tmp_path: Path) -> None:
    """The system's own error, for the caller to translate."""
    (tmp_path / "taken").touch()

    with pytest.raises(OSError, match="taken"):
        file.settled(tmp_path / "taken" / "racer.db")


MOUNTS = """\
25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 25 0:27 / /home rw,nosuid master:3 shared:7 - nfs4 server:/export rw,vers=4.2
32 25 0:2 / /proc rw - proc proc rw
"""


@pytest.mark.parametrize(
    ("device", "kind"), [("254:0", "ext4"), ("0:27", "nfs4"), ("0:2", "proc"), ("9:9", None), ("5", None)]
)
def test_the_kind_of_a_file_system(device: str, kind: str | None) -> None:
    """Read from the system's table of mounts, by the number of the device and nothing like it."""
    assert file.mounted(MOUNTS, device) == kind


@pytest.mark.parametrize("kind", sorted(file.NETWORKS))
def test_a_network_is_refused(kind: str, tmp_path: Path) -> None:
    """The message says why, and where to put the file instead."""
    with pytest.raises(StoreError, match=rf"network file system, {kind},.*set RACER_DB"):
        file.refuse_network(tmp_path / "racer.db", kind)


def test_the_disk_under_the_tests_will_do(tmp_path: Path) -> None:
    """Whatever this machine calls it, it is none of the networks."""
    kind = file.file_system(tmp_path)

    file.refuse_network(tmp_path / "racer.db", kind)
    assert kind not in file.NETWORKS


# ---------------------------------------------------------------- who may read it


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """From the first instant: it is never made and then closed to others."""
    assert file.make(tmp_path / "racer.db")
    assert mode(tmp_path / "racer.db") == 0o600


def test_an_old_file_is_closed_to_others(tmp_path: Path) -> None:
    """With its log and its index; what they hold stays."""
    for side in file.SIDES:
        Path(f"{tmp_path / 'racer.db'}{side}").write_text(side)
        Path(f"{tmp_path / 'racer.db'}{side}").chmod(0o664)

    file.close_to_others(tmp_path / "racer.db")

    for side in file.SIDES:
        assert mode(Path(f"{tmp_path / 'racer.db'}{side}")) == 0o600
        assert Path(f"{tmp_path / 'racer.db'}{side}").read_text() == side


def test_making_leaves_what_is_there(tmp_path: Path) -> None:
    """It may be somebody else's: neither what it holds nor its mode is touched."""
    (tmp_path / "racer.db").write_text("a letter")
    (tmp_path / "racer.db").chmod(0o644)

    assert not file.make(tmp_path / "racer.db")
    assert ((tmp_path / "racer.db").read_text(), mode(tmp_path / "racer.db")) == ("a letter", 0o644)


@pytest.mark.parametrize(
    ("content", "lock", "unclaimed"),
    [
        (None, None, False),
        ("", None, False),
        ("a letter", None, True),
        ("a letter", "", False),
        ("a letter", "pid 7", True),
    ],
)
def test_whose_a_file_may_be(tmp_path: Path, content: str | None, lock: str | None, unclaimed: bool) -> None:
    """Ours has an empty lock beside it; no file, or an empty one, is nobody's."""
    for name, text in (("racer.db", content), ("racer.db.lock", lock)):
        if text is not None:
            (tmp_path / name).write_text(text)

    assert file.unclaimed(tmp_path / "racer.db") is unclaimed


def test_a_link_is_never_made_into_a_file(tmp_path: Path) -> None:
    """Also one that was planted after the place was looked at."""
    (tmp_path / "racer.db").symlink_to(tmp_path / "nowhere")

    file.make(tmp_path / "racer.db")

    assert not (tmp_path / "nowhere").exists()


# ---------------------------------------------------------------- who opens it


def test_only_one_opens_at_a_time(tmp_path: Path) -> None:
    """A second one gives up after its patience, and says that it is worth another try."""
    with file.alone(tmp_path / "racer.db", 0.0):
        second = file.alone(tmp_path / "racer.db", 0.0)
        with pytest.raises(StoreError, match="another process has been opening it") as caught, second:
            raise AssertionError
        assert caught.value.kind == "locked"


def test_the_lock_is_given_back(tmp_path: Path) -> None:
    """However the opening ends."""
    with pytest.raises(OSError, match="in the midst"), file.alone(tmp_path / "racer.db", 0.0):
        raise OSError("in the midst")

    with file.alone(tmp_path / "racer.db", 0.0):
        assert mode(tmp_path / "racer.db.lock") == 0o600


FORKED = """
import os, signal, sys
from pathlib import Path
from racer.store.file import alone
path = Path(sys.argv[1])
with alone(path, 0.0):
    child = os.fork()
    if child == 0:
        signal.pause()
try:
    with alone(path, 0.0):
        print("alone")
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """It has the file open as long as it lives, if the fork came while it was locked."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path / "racer.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "alone\n"


def test_who_waits_gets_its_turn(tmp_path: Path) -> None:
    """Eight at once: each is alone, none is turned away."""
    inside: list[int] = []
    seen: list[int] = []

    def enter(number: int) -> None:
        with file.alone(tmp_path / "racer.db", 60.0):
            inside.append(number)
            seen.append(len(inside))
            inside.remove(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [1] * 8


# ---------------------------------------------------------------- which file it is, and its names


def test_a_file_is_known_again(tmp_path: Path) -> None:
    """By what it is and not by its name; a name without a file is nobody."""
    path = tmp_path / "racer.db"
    path.touch()
    first = file.identity(path)
    path.rename(tmp_path / "old")
    path.touch()

    assert file.identity(tmp_path / "old") == first
    assert file.identity(path) not in (first, None)
    assert file.identity(tmp_path / "none") is None


def test_sizes(tmp_path: Path) -> None:
    """In bytes; what is not there has none."""
    (tmp_path / "racer.db-wal").write_bytes(b"abc")

    assert file.file_size(tmp_path / "racer.db", "-wal") == 3
    assert file.file_size(tmp_path / "racer.db", "-shm") == 0


def test_names_tell_the_time_and_are_free(tmp_path: Path) -> None:
    """The time is in UTC; a name that is taken, even by a link to nowhere, is not given again."""
    path = tmp_path / "racer.db"

    assert file.free_name(path, "corrupt", NOON).name == "racer.db.corrupt-20260131T120000"
    (tmp_path / "racer.db.corrupt-20260131T120000").symlink_to("nowhere")
    assert file.free_name(path, "corrupt", NOON).name == "racer.db.corrupt-20260131T120000-1"


def test_what_is_set_aside_keeps_together(tmp_path: Path) -> None:
    """The log stays named after its database, so that tools can read both; each byte is kept."""
    path = tmp_path / "racer.db"
    for turn in ("first", "second"):
        for side in file.SIDES:
            Path(f"{path}{side}").write_text(turn + side)

        target = file.set_aside(path, NOON)

        assert [Path(f"{target}{side}").read_text() for side in file.SIDES] == [turn + s for s in file.SIDES]
        assert not any(os.path.lexists(f"{path}{side}") for side in file.SIDES)
    assert len(list(tmp_path.glob("racer.db.corrupt-*"))) == 6


def test_a_database_without_a_log_is_set_aside_too(tmp_path: Path) -> None:
    """There is a log only while somebody has the database open, or after a crash."""
    (tmp_path / "racer.db").write_text("alone")

    assert file.set_aside(tmp_path / "racer.db", NOON).read_text() == "alone"
