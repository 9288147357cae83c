"""What is said of files, versions and local servers."""

from __future__ import annotations

import pytest

from racer.cli.house import House, Level, Note, Server, notes_on, numbers

HERE = "http://127.0.0.1:11434"
USUAL = House(config="", python="3.11.7", sqlite="3.51.3")


def notes(house: House, *levels: Level) -> list[str]:
    return [note.text for note in notes_on(house) if note.level in levels]


def test_a_house_in_order_has_no_advice() -> None:
    """It says what is in use."""
    assert notes_on(USUAL) == [
        Note(Level.FINE, "configuration: no racer.toml, the built-in providers"),
        Note(Level.FINE, "Python 3.11.7"),
        Note(Level.FINE, "SQLite 3.51.3"),
    ]


def test_the_file_in_use_is_named() -> None:
    """For there are several places where it may be."""
    house = House(config="home/racer.toml", python="3.11.7", sqlite="3.52.1")

    assert notes(house, Level.FINE)[0] == "configuration: home/racer.toml"


@pytest.mark.parametrize(
    ("mode", "level"),
    [
        (0o600, Level.FINE),
        (0o400, Level.FINE),
        (0o644, Level.WARNING),
        (0o640, Level.WARNING),
        (0o602, Level.WARNING),
    ],
)
def test_others_may_not_read_the_keys(mode: int, level: Level) -> None:
    """0600 it should be; the step is the command."""
    house = House(config="", python="3.11.7", sqlite="3.51.3", env_mode=mode)
    (note,) = [note for note in notes_on(house) if ".env" in note.text]

    assert note.level is level
    assert f"{mode:04o}" in note.text
    assert (note.step == "chmod 600 .env") is (level is Level.WARNING)


@pytest.mark.parametrize(
    ("version", "level"),
    [("3.40.1", Level.NOTE), ("3.51.2", Level.NOTE), ("3.51.3", Level.FINE), ("3.100.0", Level.FINE)],
)
def test_an_old_sqlite_is_noted(version: str, level: Level) -> None:
    """Two processes on one database may damage it before 3.51.3."""
    house = House(config="", python="3.11.7", sqlite=version)

    assert [note.level for note in notes_on(house) if version in note.text] == [level]


def test_a_key_that_does_not_count_is_a_problem() -> None:
    """It was set, so somebody believes that it works."""
    house = House(config="", python="3.11.7", sqlite="3.51.3", refused=("groq: A holds a placeholder",))

    assert notes(house, Level.PROBLEM) == ["groq: A holds a placeholder"]


OPEN = ["0.0.0.0", "0.0.0.0:11434", "http://0.0.0.0:80", "[::]:11434", "::", ":11434", " 0.0.0.0 "]
CLOSED = ["", " ", "127.0.0.1", "localhost:11434", "http://box:11434", "[::1]:11434", "10.0.0.0"]


@pytest.mark.parametrize(("value", "warned"), [*((v, True) for v in OPEN), *((v, False) for v in CLOSED)])
def test_an_ollama_for_the_whole_network_is_warned_of(value: str, *, warned: bool) -> None:
    """It asks nobody for a key."""
    house = House(config="", python="3.11.7", sqlite="3.51.3", ollama_host=value)

    assert bool(notes(house, Level.WARNING)) is warned


@pytest.mark.parametrize(
    ("server", "warnings"),
    [
        (Server("o", HERE, "0.17.1"), []),
        (Server("o", HERE, "0.18.0-rc1"), []),
        (Server("o", HERE, "0.0.0"), []),
        (Server("o", HERE, ""), []),
        (Server("o", HERE, "odd"), []),
        (Server("o", HERE, "0.17.0"), ["o: Ollama 0.17.0 has holes"]),
        (Server("o", HERE, "0.9"), ["o: Ollama 0.9 has holes"]),
        (Server("o", "https://box.test", "0.17.1"), ["o: https://box.test is another machine"]),
        (
            Server("o", "http://box.test", "0.1.0"),
            ["o: http://box.test is another machine", "o: Ollama 0.1.0"],
        ),
    ],
)
def test_local_servers_are_looked_at(server: Server, warnings: list[str]) -> None:
    """Old ones have holes that are known; those on other machines are open to whoever reaches them."""
    found = notes(House(config="", python="3", sqlite="3.51.3", servers=(server,)), Level.WARNING)

    assert len(found) == len(warnings)
    assert all(text.startswith(begin) for text, begin in zip(found, warnings, strict=True))


def test_what_crosses_the_network_in_the_clear_is_said() -> None:
    """Of http, not of https."""
    house = House(config="", python="3", sqlite="3.51.3", servers=(Server("o", "http://box.test"),))

    assert notes(house, Level.WARNING)[0].endswith("prompts cross the network unencrypted")


@pytest.mark.parametrize(
    ("text", "found"), [("1.2.3", (1, 2, 3)), ("v0.17.1-rc2", (0, 17, 1)), ("7", (7,)), ("", ()), ("x1", ())]
)
def test_versions_are_numbers(text: str, found: tuple[int, ...]) -> None:
    """As far as they are."""
    assert numbers(text) == found


def test_a_note_as_json() -> None:
    """No step is null."""
    assert Note(Level.FINE, "a").to_dict() == {"level": "ok", "text": "a", "step": None}
    assert Note(Level.WARNING, "a", "b").to_dict() == {"level": "warning", "text": "a", "step": "b"}
