"""The text of a `.env` file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.config.dotenv import parse


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\n\n# only this\n   # and this", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\rB=2", {"A": "1", "B": "2"}),
        ("  export  A = 1  ", {"A": "1"}),
        ("exported=1", {"exported": "1"}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A='x y'", {"A": "x y"}),
        ('A="x y"', {"A": "x y"}),
        ("A=''", {"A": ""}),
        ("A=x y", {"A": "x y"}),
        ("A=x # why", {"A": "x"}),
        ("A='x # y' # why", {"A": "x # y"}),
        ("A=x#y", {"A": "x#y"}),
        ("A=# why", {"A": ""}),
        ("A= # why", {"A": ""}),
        ("A=it's", {"A": "it's"}),
        ("A=b=c", {"A": "b=c"}),
        ("A=$B", {"A": "$B"}),
        (r'A="a\nb\t\"\\\$\q"', {"A": 'a\nb\t"\\$\\q'}),
        (r"A='a\nb'", {"A": r"a\nb"}),
        ('A="one\ntwo"\nB=2', {"A": "one\ntwo", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
        ("my.name-x=1", {"my.name-x": "1"}),
    ],
)
def test_values(text: str, values: dict[str, str]) -> None:
    """What is read is what a shell would take, but that nothing is expanded."""
    assert parse(text) == (values, ())


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("just words", (1,)),
        ("A=1\n=2\nB=3", (2,)),
        ("A='open\nB=2", (1,)),
        ('A="x" y\nB=2', (1,)),
        ("1A=1", (1,)),
        ("A 1\nexport B\nC=3\n- D", (1, 2, 4)),
    ],
)
def test_broken_lines(text: str, broken: tuple[int, ...]) -> None:
    """Every line that is no assignment is told by its number, and the rest is read."""
    assert parse(text)[1] == broken


@given(st.text())
def test_any_text(text: str) -> None:
    """No text breaks the parser."""
    values, broken = parse(text)

    assert all(name for name in values)
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line in broken)


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), st.text()))
def test_what_is_quoted_comes_back(values: dict[str, str]) -> None:
    """A value in double quotes comes back as it was, line breaks included."""
    wanted = {name: value.replace("\r\n", "\n").replace("\r", "\n") for name, value in values.items()}
    text = "".join(
        '{}="{}"\n'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in values.items()
    )

    assert parse(text) == (wanted, ())
