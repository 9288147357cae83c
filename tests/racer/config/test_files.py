"""Where the configuration is looked for, how files are read, and what goes wrong with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from racer.config import Config, load
from racer.errors import ConfigError

if TYPE_CHECKING:
    from racer.core.provider import Provider

ROOT = Path(__file__).parents[3]
KEY, OTHER = "test-key-" + "a" * 12, "test-key-" + "b" * 12


def lanes(number: int) -> str:
    return f"[race]\nlanes = {number}\n"


def provider(config: Config, name: str) -> Provider:
    return next(each for each in config.providers if each.name == name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a configuration at each place that is looked at: 3 in the folder, 4 and 5 in the home."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/racer.toml").write_text(lanes(3))
    for place, number in ((".config", 4), ("xdg", 5)):
        (tmp_path / place / "racer").mkdir(parents=True)
        (tmp_path / place / "racer/racer.toml").write_text(lanes(number))
    (tmp_path / "given.toml").write_text(lanes(1))
    (tmp_path / "named.toml").write_text(lanes(2))
    return tmp_path


# ---------------------------------------------------------------- the search


def test_search_order(home: Path) -> None:
    """The path given, RACER_CONFIG, the folder, XDG_CONFIG_HOME, ~/.config: the first that is there."""
    here = home / "here"
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "xdg"), "RACER_CONFIG": str(home / "named.toml")}

    assert load(home / "given.toml", environ=env, cwd=here).race.lanes == 1
    assert load(environ=env, cwd=here).race.lanes == 2
    del env["RACER_CONFIG"]
    assert load(environ=env, cwd=here).race.lanes == 3
    (here / "racer.toml").unlink()
    assert load(environ=env, cwd=here).race.lanes == 5
    del env["XDG_CONFIG_HOME"]
    assert load(environ=env, cwd=here).race.lanes == 4
    del env["HOME"]
    assert load(environ=env, cwd=here).race.lanes == 4


def test_path_is_told(home: Path) -> None:
    """The Config knows the file that it came from, and that it came from none."""
    assert load(environ={}, cwd=home / "here").path == home / "here/racer.toml"
    assert load(environ={}, cwd=home).path is None


def test_relative_names(home: Path) -> None:
    """A relative path, given or in RACER_CONFIG, begins in the folder; an empty variable is none."""
    assert load("given.toml", environ={}, cwd=home).race.lanes == 1
    assert load(environ={"RACER_CONFIG": "../named.toml"}, cwd=home / "here").race.lanes == 2
    assert load(environ={"RACER_CONFIG": ""}, cwd=home / "here").race.lanes == 3
    assert load(environ={"XDG_CONFIG_HOME": "xdg"}, cwd=home).race.lanes == 4


def test_no_file_and_no_home(tmp_path: Path) -> None:
    """Nothing at all is a configuration, too."""
    config = load(environ={}, cwd=tmp_path)

    assert config.race.lanes == 4
    assert [each.name for each in config.providers if each.accounts] == ["ollama"]


@pytest.mark.parametrize(("path", "env"), [("no.toml", {}), (None, {"RACER_CONFIG": "no.toml"})])
def test_a_named_file_must_exist(tmp_path: Path, path: str | None, env: dict[str, str]) -> None:
    """Who names a file wants that file, not another."""
    (tmp_path / "racer.toml").write_text(lanes(3))
    by = "RACER_CONFIG" if env else "the path given"

    with pytest.raises(ConfigError, match=rf"no\.toml: found no such file; {by} must name"):
        load(path, environ=env, cwd=tmp_path)


def test_the_process_itself_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the working folder and the process's environment count."""
    (tmp_path / "racer.toml").write_text(lanes(7))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    monkeypatch.delenv("RACER_CONFIG", raising=False)
    config = load()

    assert config.race.lanes == 7
    assert provider(config, "groq").accounts[0].name == "groq:GROQ_API_KEY"


# ---------------------------------------------------------------- .env


def test_dotenv_is_under_the_environment(tmp_path: Path) -> None:
    """`.env` gives what the environment has not, and never overrides it, not even with an empty value."""
    (tmp_path / ".env").write_text(
        f"GROQ_API_KEY={OTHER}\nMISTRAL_API_KEY={OTHER}\nXAI_API_KEY='{OTHER}' # x\n"
    )
    config = load(environ={"GROQ_API_KEY": KEY, "MISTRAL_API_KEY": ""}, cwd=tmp_path)

    assert [account.key.reveal() for account in provider(config, "groq").accounts if account.key] == [KEY]
    assert provider(config, "mistral").accounts == ()
    assert [account.key.reveal() for account in provider(config, "xai").accounts if account.key] == [OTHER]
    assert config.env["XAI_API_KEY"] == OTHER


def test_dotenv_may_name_the_file(home: Path) -> None:
    """RACER_CONFIG counts in `.env`, too."""
    (home / "here/.env").write_text("RACER_CONFIG=../named.toml\n")

    assert load(environ={}, cwd=home / "here").race.lanes == 2


def test_dotenv_with_broken_lines(tmp_path: Path) -> None:
    """Each broken line is told with file and number, and nothing of what it holds."""
    (tmp_path / ".env").write_text(f"A=1\n{KEY}\nB='{OTHER}\n")

    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=tmp_path)

    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [
        f"{tmp_path / '.env'}:2",
        f"{tmp_path / '.env'}:3",
    ]
    assert KEY not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_folder_called_dotenv(tmp_path: Path) -> None:
    """A virtual environment called .env is no mistake."""
    (tmp_path / ".env").mkdir()

    assert load(environ={}, cwd=tmp_path).env == {}


# ---------------------------------------------------------------- files that cannot be read


@pytest.mark.parametrize("name", ["racer.toml", ".env"])
@pytest.mark.parametrize(
    ("data", "line"),
    [(b"A='1'\n\xff\xfe\n", ":2"), ("A='1'\n".encode("utf-16"), ":1"), (b"#" + b"x" * (1 << 20), "")],
    ids=["latin", "utf-16", "huge"],
)
def test_unreadable_contents(tmp_path: Path, name: str, data: bytes, line: str) -> None:
    """A file that is not UTF-8, or absurdly long, is told with its name and what is allowed."""
    (tmp_path / name).write_bytes(data)

    with pytest.raises(ConfigError, match=rf"{re.escape(str(tmp_path / name))}{line}: found .*; allowed: "):
        load(environ={}, cwd=tmp_path)


def test_a_folder_called_racer_toml(tmp_path: Path) -> None:
    """What cannot be opened is told with the reason of the system."""
    (tmp_path / "racer.toml").mkdir()

    with pytest.raises(ConfigError, match=r"racer\.toml: cannot be read \(Is a directory\)"):
        load(environ={}, cwd=tmp_path)


def test_no_path_at_all(tmp_path: Path) -> None:
    """A name that no system takes is a mistake in the configuration, not a crash."""
    with pytest.raises(ConfigError, match=r"cannot be read \(not a path\)"):
        load("a\0b", environ={}, cwd=tmp_path)


def test_byte_order_mark(tmp_path: Path) -> None:
    """Editors that write a byte order mark do no harm."""
    (tmp_path / "racer.toml").write_bytes(b"\xef\xbb\xbf" + lanes(6).encode())
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\n")
    config = load(environ={}, cwd=tmp_path)

    assert (config.race.lanes, config.env) == (6, {"A": "1"})


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("[race]\nlanes = \n", ":2", "not TOML"),
        ("[race]\nlanes = 1\nlanes = 2\n", ":3", "not TOML"),
        ("[providers.x]\n[providers.x]\n", ":2", "not TOML"),
        (f"[providers.groq]\nkeys = {KEY}\n", ":2", "not TOML"),
        ("[race", "", "not TOML"),
        ("[race]\nlanes = " + "9" * 5000, "", "a number that is too long"),
        ("x = " + "[" * 5000, "", "nested too deep"),
    ],
)
def test_not_toml(tmp_path: Path, text: str, place: str, found: str) -> None:
    """Text that is not TOML is told with file and line, and without what it holds."""
    (tmp_path / "racer.toml").write_text(text)

    with pytest.raises(ConfigError, match=rf"racer\.toml{place}: found .*{found}") as caught:
        load(environ={}, cwd=tmp_path)

    assert KEY not in str(caught.value)


# ---------------------------------------------------------------- what ships


def test_the_example_loads() -> None:
    """The example file is right, and shows every section."""
    text = (ROOT / "racer.example.toml").read_text("utf-8")
    config = load(ROOT / "racer.example.toml", environ={}, cwd=ROOT / "tests")

    assert all(f"\n[{section}]" in text for section in ("race", "cache", "store", "alerts", "providers.groq"))
    assert config.race == type(config.race)(cache=86_400.0)
    assert provider(config, "workstation").base_url == "http://127.0.0.1:8080/v1"


def test_each_block_of_the_page_loads(tmp_path: Path) -> None:
    """What docs/configuration.md shows as TOML can be used as it stands."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)

    assert len(blocks) >= 3
    for block in blocks:
        (tmp_path / "racer.toml").write_text(block)
        load(environ={}, cwd=tmp_path)


def test_the_page_shows_true_messages(tmp_path: Path) -> None:
    """The messages that docs/configuration.md quotes are what one gets."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    (tmp_path / "racer.toml").write_text('[race]\nlanes = "4"\npolcy = "all"\n')

    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=tmp_path)

    assert str(caught.value).replace(f"{tmp_path}/", "") in page
