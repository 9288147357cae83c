"""From names of environment variables to accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.config.keys import Found, discovered, key_fault, referenced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "GROQ_API_KEY"


def key(letter: str) -> str:
    return "test-key-" + letter * 12


A, B, C = key("a"), key("b"), key("c")


def told(found: Found) -> list[tuple[str, str, str | None]]:
    return [
        (account.name, account.key.reveal() if account.key else "", account.pool)
        for account in found.accounts
    ]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, []),
        ({NAME: ""}, []),
        ({NAME: "   "}, []),
        ({NAME: A}, [("groq:GROQ_API_KEY", A)]),
        ({NAME: f"  '{A}'\n"}, [("groq:GROQ_API_KEY", A)]),
        ({f"{NAME}_2": B}, [("groq:GROQ_API_KEY_2", B)]),
        (
            {f"{NAME}_10": C, f"{NAME}_2": B, NAME: A},
            [("groq:GROQ_API_KEY", A), ("groq:GROQ_API_KEY_2", B), ("groq:GROQ_API_KEY_10", C)],
        ),
        ({NAME: A, f"{NAME}_1": A, f"{NAME}_2": B}, [("groq:GROQ_API_KEY", A), ("groq:GROQ_API_KEY_2", B)]),
        ({NAME: f"{A}, {B},"}, [("groq:GROQ_API_KEY[1]", A), ("groq:GROQ_API_KEY[2]", B)]),
        ({NAME: f"{A},"}, [("groq:GROQ_API_KEY", A)]),
        ({NAME: f'"{A}","{B}"'}, [("groq:GROQ_API_KEY[1]", A), ("groq:GROQ_API_KEY[2]", B)]),
        ({f"{NAME}_OLD": A, f"{NAME}_²": B, f"{NAME}_": C, f"X_{NAME}": C}, []),
    ],
)
def test_discovered(env: Mapping[str, str], expected: list[tuple[str, str]]) -> None:
    """NAME, NAME_1 … NAME_N by number, and lists with commas: one account for each different key."""
    assert told(discovered("groq", (NAME,), env)) == [(*pair, None) for pair in expected]


def test_discovered_by_several_names() -> None:
    """Each name that is set counts; a key that two of them hold counts once, under the first."""
    env = {"HF_TOKEN": A, "HUGGING_FACE_HUB_TOKEN": A, "HUGGING_FACE_HUB_TOKEN_1": B}
    found = discovered("huggingface", ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), env)

    assert told(found) == [
        ("huggingface:HF_TOKEN", A, None),
        ("huggingface:HUGGING_FACE_HUB_TOKEN_1", B, None),
    ]
    assert found.names == ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@pytest.mark.parametrize(
    ("keys", "env", "expected"),
    [
        ([], {NAME: A}, []),
        (["$MINE"], {NAME: A}, []),
        (["$MINE"], {"MINE": A, "MINE_1": B}, [("groq:MINE", A, None)]),
        (["$MINE_*"], {"MINE": A, "MINE_": A}, []),
        (
            ["$MINE_*"],
            {"MINE_B": A, "MINE_10": B, "MINE_9": C},
            [("groq:MINE_9", C, None), ("groq:MINE_10", B, None), ("groq:MINE_B", A, None)],
        ),
        (["$MINE", "$MINE_*"], {"MINE_1": A, "MINE": A}, [("groq:MINE", A, None)]),
        (
            [{"pool": "org", "use": ["$MINE", "$OURS_*"]}, "$OWN"],
            {"MINE": A, "OURS_1": B, "OWN": C},
            [("groq:MINE", A, "org"), ("groq:OURS_1", B, "org"), ("groq:OWN", C, None)],
        ),
    ],
)
def test_referenced(
    keys: Sequence[str | Mapping[str, Any]],
    env: Mapping[str, str],
    expected: list[tuple[str, str, str | None]],
) -> None:
    """`keys` names single variables, all that begin alike, and pools of both; nothing else is looked at."""
    assert told(referenced("groq", keys, env)) == expected


def test_names_are_those_looked_for() -> None:
    """Messages can say what to set, for references without the dollar sign."""
    assert referenced("groq", ["$A", {"pool": "p", "use": ["$B_*"]}], {}).names == ("A", "B_*")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"{A}\n{B}", "line break"),
        (f"{A}\r\nX-Evil: 1", "line break"),
        (f"{A}é", "outside ASCII"),
        (f"{A}\udcff", "outside ASCII"),
        (f"{A} {B}", "white space"),
        (f"{A}\x00", "control character"),
        (f"{A}\t", None),
        ("YOUR_KEY", "placeholder"),
        ("your-api-key", "placeholder"),
        ("your_groq_key_here", "placeholder"),
        ("gsk_your_key", "placeholder"),
        ("put-key-here", "placeholder"),
        ("<your key>", "white space"),
        ("<key>", "placeholder"),
        ("changeme", "placeholder"),
        ("CHANGE_ME", "placeholder"),
        ("xxxx", "placeholder"),
        ("...", "placeholder"),
        ("sk-...", "placeholder"),
        ("${GROQ_API_KEY}", "placeholder"),
        ("{{ key }}", "white space"),
        ("None", "placeholder"),
        ("api_key", "placeholder"),
        (A, None),
        ("EMPTY", None),
        ("yourself-is-a-key-9", None),
    ],
)
def test_refused(value: str, why: str | None) -> None:
    """A key that would break a header, or that nobody filled in, is named by its variable and not used."""
    found = discovered("groq", (NAME,), {NAME: value})

    if why is None:
        assert (len(found.accounts), found.refused) == (1, ())
    else:
        assert found.accounts == ()
        assert len(found.refused) == 1
        assert found.refused[0].startswith(f"{NAME} ")
        assert why in found.refused[0]


def test_one_bad_key_of_two() -> None:
    """A bad key takes nothing from the good one beside it, and is called by its place."""
    found = discovered("groq", (NAME,), {NAME: f"{A},changeme"})

    assert told(found) == [("groq:GROQ_API_KEY[1]", A, None)]
    assert found.refused == ("GROQ_API_KEY[2] holds a placeholder, not a key",)


@given(st.text(min_size=12))
def test_no_reason_and_no_repr_shows_a_key(value: str) -> None:
    """Whatever a variable holds, neither the accounts nor the reasons show it."""
    found = discovered("groq", (NAME,), {NAME: value})

    assert all(part not in repr(found) for part in value.split(",") if len(part) >= 12)


@given(st.text())
def test_what_is_taken_fits_a_header(value: str) -> None:
    """A key without a fault is visible ASCII, so it can stand in any header."""
    if key_fault(value) is None:
        assert all("!" <= char <= "~" for char in value)
