"""`racer init`: what it writes, keeps, prints and tells."""

from __future__ import annotations

import io
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from racer import config
from racer.cli.init import file_texts, wrote
from racer.cli.main import main
from racer.errors import ConfigError
from tests.racer.accounts.rows import LONG_KEY
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["racer.toml", ".env.example"]


def test_it_writes_both_files(tmp_path: Path) -> None:
    """For everybody to read, for nothing in them is secret; what is written loads."""
    shell = shell_of(cwd=tmp_path)

    assert main(["init"], shell) == 0

    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(NAMES)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in NAMES] == [0o644, 0o644]
    assert [(tmp_path / name).read_text() for name in NAMES] == list(file_texts().values())
    assert config.load(environ={}, cwd=tmp_path).path == tmp_path / "racer.toml"
    assert text_of(shell.stderr).startswith(
        "wrote racer.toml\nwrote .env.example\nnext: cp .env.example .env"
    )


@pytest.mark.parametrize(("ignored", "reminded"), [(None, True), ("build\n", True), (".env\n", False)])
def test_it_reminds_of_gitignore(ignored: str | None, *, reminded: bool, tmp_path: Path) -> None:
    """Unless .env is in it."""
    if ignored is not None:
        (tmp_path / ".gitignore").write_text(ignored)
    shell = shell_of(cwd=tmp_path)

    main(["init"], shell)

    assert ("echo .env >> .gitignore" in text_of(shell.stderr)) is reminded


def test_a_gitignore_that_is_none_does_no_harm(tmp_path: Path) -> None:
    """It counts as empty."""
    (tmp_path / ".gitignore").mkdir()

    assert main(["init"], shell_of(cwd=tmp_path)) == 0


@pytest.mark.parametrize("there", [[".env.example"], ["racer.toml"], NAMES])
def test_it_keeps_what_is_there(there: list[str], tmp_path: Path) -> None:
    """To the byte; it says so, and writes the other one."""
    for name in there:
        (tmp_path / name).write_text("# mine\n")
    shell = shell_of(cwd=tmp_path)

    assert main(["init"], shell) == 0

    for name in NAMES:
        kept = name in there
        assert ((tmp_path / name).read_text() == "# mine\n") is kept
        assert (f"kept {name}, which was there already: racer init --force" in text_of(shell.stderr)) is kept
        assert (f"wrote {name}\n" in text_of(shell.stderr)) is not kept


def test_force_writes_anew(tmp_path: Path) -> None:
    """Both, whatever was there; also over a racer.toml that does not load."""
    for name in NAMES:
        (tmp_path / name).write_text("[[[ nothing that loads\n")

    assert main(["init", "--force"], shell_of(cwd=tmp_path)) == 0
    assert [(tmp_path / name).read_text() for name in NAMES] == list(file_texts().values())


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """One that leads nowhere is there all the same."""
    (tmp_path / "racer.toml").symlink_to(tmp_path / "elsewhere.toml")

    assert main(["init"], shell_of(cwd=tmp_path)) == 0
    assert not (tmp_path / "elsewhere.toml").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Exit code 2, with the path and the reason."""
    shell = shell_of(cwd=tmp_path / "missing")

    assert main(["init"], shell) == 2
    assert "racer.toml: cannot be written (No such file or directory)" in text_of(shell.stderr)
    with pytest.raises(ConfigError, match="Is a directory"):
        wrote(tmp_path, "text", force=True)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["--print"], "racer.toml"),
        (["--print", "racer.toml"], "racer.toml"),
        (["--print", ".env.example"], ".env.example"),
    ],
)
def test_print_writes_no_file(argv: list[str], name: str, tmp_path: Path) -> None:
    """The text alone on stdout, for a redirection."""
    shell = shell_of(cwd=tmp_path)

    assert main(["init", *argv], shell) == 0
    assert text_of(shell.stdout) == file_texts()[name]
    assert text_of(shell.stderr) == ""
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_not_printed(tmp_path: Path) -> None:
    """Wrong usage."""
    assert main(["init", "--print", ".env"], shell_of(cwd=tmp_path)) == 2


def test_missing_keys_are_told_with_their_pages(tmp_path: Path) -> None:
    """Those with the most free use first, without those that are set, in the environment or in .env."""
    (tmp_path / ".env").write_text(f"MISTRAL_API_KEY={LONG_KEY}\n")
    shell = shell_of(cwd=tmp_path, environ={"NVIDIA_API_KEY": LONG_KEY})

    main(["init"], shell)

    rows = [line.split() for line in text_of(shell.stdout).splitlines()]
    assert ["groq", "GROQ_API_KEY", "https://console.groq.com/keys"] in rows
    firsts = [words[0] for words in rows if words]
    assert firsts.index("groq") < firsts.index("cloudflare") < firsts.index("deepseek")
    assert {"nvidia", "mistral", "ollama"}.isdisjoint(firsts)


def test_nothing_is_missing_where_all_is_set(tmp_path: Path) -> None:
    """Then there is nothing to list."""
    names = re.findall(r"^(\w+)=$", file_texts()[".env.example"], re.MULTILINE)
    addresses = {name: "https://box.test/v1" for name in names if name.endswith("_URL")}
    shell = shell_of(cwd=tmp_path, environ=dict.fromkeys(names, LONG_KEY) | addresses)

    assert main(["init"], shell) == 0
    assert text_of(shell.stdout) == ""


def test_no_secret_is_written(tmp_path: Path) -> None:
    """Whatever is set here, the files are the same everywhere."""
    (tmp_path / ".env").write_text(f"MISTRAL_API_KEY={LONG_KEY}\n")
    shell = shell_of(cwd=tmp_path, environ={"GROQ_API_KEY": LONG_KEY, "CLOUDFLARE_ACCOUNT_ID": LONG_KEY})

    main(["init"], shell)

    written = [(tmp_path / name).read_text() for name in NAMES]
    assert LONG_KEY not in "".join([*written, text_of(shell.stdout), text_of(shell.stderr)])
    assert written == list(file_texts().values())


def test_little_room_takes_two_lines_each(tmp_path: Path) -> None:
    """A page is not torn into columns."""
    shell = shell_of(cwd=tmp_path, environ={"COLUMNS": "40"}, stdout=io.StringIO())

    main(["init"], shell)

    assert "groq: GROQ_API_KEY\n  https://console.groq.com/keys\n" in text_of(shell.stdout)


def test_a_process_writes_here(tmp_path: Path) -> None:
    """The whole way: files into the folder, what is missing to stdout, the rest to stderr."""
    done = subprocess.run(
        [*COMMAND, "init"],
        env=clean_environ(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0
    assert (tmp_path / "racer.toml").is_file()
    assert "GROQ_API_KEY" in done.stdout
    assert "wrote racer.toml" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", [40, 80])
def test_any_terminal_will_do(columns: int, tmp_path: Path) -> None:
    """No line is wider than it."""
    done = run_in_terminal([*COMMAND, "init"], env=clean_environ(tmp_path), cwd=tmp_path, columns=columns)

    table = done.text.partition("keys that are missing")[2]
    assert done.code == 0
    assert max(map(len, table.partition("next:")[0].splitlines())) <= columns
