"""What clients are told of questions that nobody who was asked can take."""

from __future__ import annotations

import pytest

from racer.server.question import Question
from racer.server.unfit import TOO_LONG, absent, too_long, unfit
from tests.core.lanes import lane

LONG = "too long: about 9,000 tokens with the answer, and its context has 8,192"
LARGE = "too large: about 9,000 tokens, and its limit is 6,000 tokens a minute"
OTHERS = (("ollama", "nothing answers"), ("c/m", "not in only"), ("d/m", "excluded"), ("groq", "no key"))


@pytest.mark.parametrize("reasons", [[LONG], [LONG, LARGE], [LONG, "cannot do tools"]])
def test_too_long(reasons: list[str]) -> None:
    """For all who could do it: waiting makes no prompt shorter."""
    lanes = [(f"{'ab'[at]}/m", why) for at, why in enumerate(reasons)]
    told = unfit([*lanes, *OTHERS])

    assert told is not None
    assert (told.status, told.code, told.param, told.again) == (400, TOO_LONG, "messages", False)
    assert (told.retry_after, told.kind) == (None, "invalid_request_error")
    assert told.message.startswith("prompt is too long")
    assert LONG in told.message
    assert "groq" not in told.message


@pytest.mark.parametrize(
    ("lacking", "param"),
    [
        (["tools"], "tools"),
        (["json, tools", "tools"], "tools"),
        (["schema"], "response_format"),
        (["json", "json, vision"], "response_format"),
        (["vision"], "messages"),
        (["vision", "tools"], None),
    ],
)
def test_an_ability(lacking: list[str], param: str | None) -> None:
    """It is named by the field that asks for it, where all lack the same."""
    told = unfit([(f"{'ab'[at]}/m", f"cannot do {each}") for at, each in enumerate(lacking)])

    assert told is not None
    assert (told.status, told.code, told.param) == (400, "unsupported_value", param)
    assert (told.retry_after, told.again) == (None, False)
    assert param is None or told.message.startswith(param)


@pytest.mark.parametrize(
    "skipped",
    [
        [],
        OTHERS,
        [("a/m", LONG), ("b/m", "used up: 30 requests a minute")],
        [("a/m", "cannot do tools"), ("b/m", "rate: slow down")],
    ],
)
def test_what_waiting_may_mend(skipped: list[tuple[str, str]]) -> None:
    """Nothing is said here where another reason is in the way."""
    assert unfit(skipped) is None


def test_what_providers_say() -> None:
    """Their reasons stay."""
    assert too_long("  a/m: too_long 400: no").message.endswith("\n  a/m: too_long 400: no")


def test_a_model_that_is_not_here() -> None:
    """A name alone is looked for; `auto` asks whoever there is, and a silent server may have it yet."""
    lanes = [lane("a/m")]
    asked = Question((), {"only": ["groq"]}, "groq")
    told = absent(asked, lanes, [("groq", "no key: set GROQ_API_KEY")])

    assert told is not None
    assert (told.status, told.code, told.param) == (404, "model_not_found", "model")
    assert absent(asked, lanes, [("ollama", "nothing answers at http://box")]) is None
    assert absent(Question((), {"only": ["a"]}, "a"), lanes, ()) is None
    assert absent(Question((), {}, "auto"), [], ()) is None
