"""racer_adapters/waits.py: every way to say "wait"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters import waits

NOW = 1_763_600_000.0  # Thu, 20 Nov 2025 00:53:20 GMT
MONTH = waits.LONGEST_WAIT

VALUES: list[tuple[str, float | None]] = [
    ("7", 7.0),
    (" 7 ", 7.0),
    ("7.66", 7.66),
    ("+7", 7.0),
    ("0", 0.0),
    ("-3", 0.0),
    ("33011.382867", 33011.382867),
    ("1000000000", MONTH),
    ("20ms", 0.02),
    ("1s", 1.0),
    ("46s", 46.0),
    ("7.66s", 7.66),
    ("6m0s", 360.0),
    ("2m59.56s", 179.56),
    ("9m38.016s", 578.016),
    ("10h17m5.72s", 37_025.72),
    ("4h17m", 15_420.0),
    ("1d2h", 93_600.0),
    ("5 min", 300.0),
    ("2 milliseconds", 0.002),
    ("1 hour, 2 minutes and 3 seconds", 3723.0),
    ("90d", MONTH),
    ("2025-11-20T00:53:50Z", 30.0),
    ("2025-11-20T01:53:50+01:00", 30.0),
    ("2025-11-20T00:53:50", 30.0),
    ("2025-11-20T00:53:20.5Z", 0.5),
    ("2025-08-21T12:40:59Z", 0.0),
    ("Thu, 20 Nov 2025 00:53:50 GMT", 30.0),
    ("Thursday, 20-Nov-25 00:53:50 GMT", 30.0),
    ("Thu Nov 20 00:53:50 2025", 30.0),
    ("Thu, 20 Nov 2025 01:53:50 +0100", 30.0),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ("Fri, 20 Nov 2099 00:00:00 GMT", MONTH),
    ("1763600012", 12.0),
    ("1763600012.5", 12.5),
    ("1763600012500", 12.5),
    ("1700000000", 0.0),
    ("4102444800", MONTH),
]
GARBAGE = [
    "",
    " ",
    "soon",
    "s",
    "12x",
    "1s2",
    "s1",
    "1.2.3",
    "nan",
    "inf",
    "1e9",
    "1_000",
    "٣",
    "--3",
    "0x10",
    "10:10",
    "9" * 17,
    "1" * 101,
    "Thu, 20 Nov 99999999999 00:00:00 GMT",
    "Thu, 99 Nov 2025 00:53:50 GMT",
    "Thu, 20 Foo 2025 00:53:50 GMT",
    "2025-13-01T00:00:00Z",
    "1m\n",
    "1 month",
]


@pytest.mark.parametrize(("value", "seconds"), VALUES)
def test_values(value: str, seconds: float) -> None:
    """Each form in which a header or a field gives a wait, at NOW."""
    assert waits.read(value, NOW) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("value", [*GARBAGE[:-2], "1 month"])
def test_garbage_is_no_wait(value: str) -> None:
    """Neither zero nor an error: nothing was said."""
    assert waits.read(value, NOW) is None


@pytest.mark.parametrize(
    "value", ["1763600012", "1763600012500", "2025-11-20T00:53:50Z", "Thu, 20 Nov 2025 00:53:50 GMT"]
)
def test_a_moment_needs_a_clock(value: str) -> None:
    """Without a `now` it says nothing; a duration does."""
    assert waits.read(value) is None
    assert waits.read("7") == 7.0


@given(st.text(max_size=60) | st.from_regex(r"[0-9.:TZ,+ A-Za-z-]{0,40}", fullmatch=True), st.floats(0, 4e9))
def test_any_value_is_read(value: str, now: float) -> None:
    """Never an exception; None, or seconds within bounds."""
    wait = waits.read(value, now)

    assert wait is None or 0 <= wait <= MONTH


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after": "Thu, 20 Nov 2025 00:53:50 GMT", "date": "Thu, 20 Nov 2025 00:53:20 GMT"}, 30.0),
        ({"retry-after": "Thu, 20 Nov 2025 00:53:50 GMT"}, 25.0),
        ({"retry-after": "Thu, 20 Nov 2025 00:53:50 GMT", "date": "nonsense"}, 25.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    """The sender's own clock decides, then ours (five seconds behind here)."""
    assert waits.from_headers(headers, NOW + 5) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
        ({"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "33011.38"}, 33011.38),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": " 0 ",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            360.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1763600060000"}, 60.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2025-11-20T00:54:20Z",
            },
            60.0,
        ),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "6m0s"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        ({"remaining": "0", "reset": "6m0s"}, None),
        ({}, None),
    ],
)
def test_resets_of_used_up_limits(headers: dict[str, str], seconds: float | None) -> None:
    """Only a limit with nothing left counts, and the last of several."""
    assert waits.until_reset(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Limit 100000, Used 97050. Please try again in 9m38.016s. Need more?", 578.016),
        ("Please try again in 18.642s", 18.642),
        ("Please try again in 20ms.", 0.02),
        ("limit: 20\nPlease retry in 10h17m5.72s.", 37_025.72),
        ("Your rate limit resets in ~30s.", 30.0),
        ("Please retry after 26 seconds.", 26.0),
        ("PLEASE TRY AGAIN IN 2 MINUTES", 120.0),
        ("Please wait 10 seconds and 5 more", 10.0),
        ("You must wait at least 1 hour.", 3600.0),
        ("available in 1 day", 86_400.0),
        ("retry, or try again in 3s", 3.0),
        ("try again in 5 parsecs, retry in 7s", 7.0),
        ("Please wait and try again later", None),
        ("retry 3 times", None),
        ("try again in 30", None),
        ("10s", None),
        ("", None),
        ("x" * 5000 + " retry in 1s", None),
    ],
)
def test_sentences(text: str, seconds: float | None) -> None:
    """A wait in words needs its unit and a word that asks for it."""
    assert waits.in_text(text) == seconds


@given(st.text(max_size=300) | st.text("retry in 0123456789hms.,~", max_size=300))
def test_any_sentence_is_read(text: str) -> None:
    """Never an exception, always within bounds."""
    wait = waits.in_text(text)

    assert wait is None or 0 <= wait <= MONTH


@pytest.mark.parametrize(
    ("date", "clock"),
    [("Thu, 20 Nov 2025 00:53:20 GMT", NOW), ("nonsense", None), ("", None), ("9" * 999, None)],
)
def test_the_senders_clock(date: str, clock: float | None) -> None:
    """The `date` header in epoch seconds; nothing where it is none."""
    assert waits.clock_of({"date": date}) == clock
