"""The forms of texts, each by examples that fit and examples that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.config import forms

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD: list[tuple[Callable[[str], str | None], list[str]]] = [
    (forms.duration, ["24h", "90s", "1h30m", "0.5h", "7d"]),
    (forms.period, [*forms.PERIODS, "rolling 5h", "rolling 24h", "rolling 1h30m"]),
    (forms.reset, ["00:00 UTC", "23:59 America/Los_Angeles", "07:30 Etc/GMT+3"]),
    (forms.day, ["2027-01-31", "2028-02-29"]),
    (forms.provider_name, ["groq", "my-box", "a.b_c", "0x"]),
    (forms.word, ["chat", "very-fast", "t5"]),
    (forms.token_name, ["alice", "builds-2", "nobody"]),
    (forms.model_name, ["gpt-oss:20b", "@cf/meta/llama-3.1-8b", "a/b:free", "local", "$MY_MODEL"]),
    (forms.body_field, ["max_tokens", "seed", "_x"]),
    (forms.line, ["", "Ärger und Spaß", "x" * 300]),
    (forms.header_name, ["X-Title", "HTTP-Referer", "x"]),
    (forms.header_value, ["x", "Bearer $NAME", "a\tb"]),
    (forms.key_reference, ["$GROQ_API_KEY", "$GROQ_API_KEY_*", "$_x"]),
    (forms.token_reference, ["$TEAM_TOKEN", "$_x"]),
    (forms.host_name, ["127.0.0.1", "::1", "[::1]", "0.0.0.0", "localhost", "racer.example.com", "x"]),
    (forms.origin, ["https://app.example.com", "http://localhost:3000", "app://obsidian.md"]),
    (
        forms.store_url,
        ["sqlite:///racer.db", "sqlite:////var/racer.db", "redis://host:6379/0", "rediss://host"],
    ),
]
BAD: list[tuple[Callable[[str], str | None], list[str]]] = [
    (forms.duration, ["", "24", "h", "24h ", "-1h", "1w", "0s", "1e3s", "٣h"]),
    (
        forms.period,
        ["", "Day", "days", "rolling", "rolling ", "rolling 0s", "rolling  5h", "5h", "rolling 5"],
    ),
    (
        forms.reset,
        ["", "00:00", "24:00 UTC", "0:00 UTC", "00:60 UTC", "00:00 utc!", "00:00 Nowhere/City", "00:00  UTC"],
    ),
    (forms.reset, ["00:00 ../../etc/passwd", "00:00 /etc/localtime", "00:00 America"]),
    (forms.day, ["", "2027-02-30", "20270131", "2027-W05-7", "31.01.2027", "2027-1-31"]),
    (forms.provider_name, ["", "Groq", "a/b", "a b", "-a", "x" * 41, "auto", "fast"]),
    (forms.word, ["", "Chat", "2fast", "two words", "x" * 33]),
    (forms.token_name, ["", "Alice", "none", "local"]),
    (forms.model_name, ["", "a b", "a,b", "ä", "a\n", "x" * 201, "$MY_API_KEY"]),
    (forms.body_field, ["", "a-b", "a.b", "1a", "x" * 65]),
    (forms.line, ["a\nb", "a\x00b", "x" * 301]),
    (forms.header_name, ["", "a b", "a:b", "ä", "Host", "content-length", "x" * 81, "a\r\nb"]),
    (forms.header_value, ["", " x", "x ", "a\nb", "a\r\nb", "ä", "\x7f"]),
    (forms.token_reference, ["", "TEAM_TOKEN", "$TEAM_*", "${T}", "$1A", "$A B", "$A\n"]),
    (forms.host_name, ["", "a:80", "http://a", "a/b", "a b", "-a", "a-", "*", "a\n", "x" * 254]),
    (
        forms.origin,
        ["", "*", "null", "app.example.com", "https://a/", "https://a/b", "https://a:b", "HTTPS://a", "//a"],
    ),
    (forms.key_reference, ["", "GROQ_API_KEY", "${GROQ}", "$", "$1A", "$A*", "$A B", "$A\n"]),
    (
        forms.store_url,
        ["", "sqlite://", "sqlite:///", "mysql://x", "redis://", "redis://u:p@host", "redis://host/x"],
    ),
]


def cases(
    table: list[tuple[Callable[[str], str | None], list[str]]],
) -> list[tuple[Callable[[str], str | None], str]]:
    return [(form, text) for form, texts in table for text in texts]


@pytest.mark.parametrize(("form", "text"), cases(GOOD))
def test_fits(form: Callable[[str], str | None], text: str) -> None:
    """What fits gives no fault."""
    assert form(text) is None


@pytest.mark.parametrize(("form", "text"), cases(BAD))
def test_does_not_fit(form: Callable[[str], str | None], text: str) -> None:
    """What does not fit gives a few words that say why."""
    assert form(text)


def test_near_zone() -> None:
    """A zone that is nearly right gets a question after the one that was meant."""
    assert forms.zone_fault("Amerika/Los_Angeles") == (
        "no time zone is called Amerika/Los_Angeles; did you mean America/Los_Angeles?"
    )


@pytest.mark.parametrize("name", ["Europe/B3rlin", "nightandfogwithoutend", "a/b/c/d"])
def test_no_zone_and_perhaps_a_key(name: str) -> None:
    """What is not made of a few short words is not repeated."""
    assert name not in (forms.zone_fault(name) or name)


def test_machine_without_zones() -> None:
    """Where no zone is known at all, the fault says what to install."""
    assert "pip install tzdata" in forms.unknown_zone("Europe/Berlin", ())


def test_near() -> None:
    """Only a name that is nearly right is asked after."""
    assert forms.near("policcy", ["policy", "lanes"]) == "; did you mean policy?"
    assert forms.near("zzz", ["policy", "lanes"]) == ""


def test_references() -> None:
    """References are found, filled in without the space around a value, and stood in for."""
    text = "Bearer $A-$B_2"

    assert forms.references(text) == ["A", "B_2"]
    assert forms.resolved(text, {"A": " x ", "B_2": "y"}) == "Bearer x-y"
    assert forms.stand_in(text) == "Bearer x-x"
    assert (forms.references("x"), forms.resolved("x", {}), forms.stand_in("x")) == ([], "x", "x")


@given(st.text(min_size=12, alphabet=st.characters(codec="ascii", categories=["L", "N"])))
def test_a_fault_repeats_nothing(text: str) -> None:
    """No form repeats the text that it refuses: it might be a key."""
    for form, _ in [*GOOD, *BAD]:
        assert text not in (form(f"{text}!\n") or "")
