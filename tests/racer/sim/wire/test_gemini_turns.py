"""The turns of a conversation in Google's form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.conversation import Said
from racer.sim.exchange import Unfit
from racer.sim.wire.gemini_turns import check_turns, read_system, read_turns
from tests.racer.sim.bodies import JSON, nearly, some

CALL: dict[str, Any] = {"functionCall": {"name": "f", "args": {}}}
SIGNED: dict[str, Any] = {**CALL, "thoughtSignature": "c2ln"}
RESULT: dict[str, Any] = {"functionResponse": {"name": "f", "response": {"output": "cold"}}}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def refused(turns: list[Any], *, signed: bool = True) -> str:
    """The words with which the turns are refused; none if they are well."""
    try:
        check_turns(turns, signed=signed)
        read_turns(turns)
    except Unfit as error:
        return error.refusal.message
    return ""


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (user({"text": "a"}, {"text": "b"}), Said("a\nb", "user")),
        ({"parts": [{"text": "a"}]}, Said("a", "user")),
        (model({"text": "a"}), Said("a", "assistant")),
        (model({"text": "a"}, SIGNED), Said("a\n", "assistant", plain=False)),
        (
            user({"inlineData": {"mimeType": "image/png", "data": "AA"}}),
            Said("data:image/png;base64,AA", "user"),
        ),
        (user({"fileData": {"fileUri": "https://x"}}), Said("https://x", "user")),
        (user(RESULT), Said('{"output":"cold"}', "user")),
    ],
)
def test_what_a_turn_says(turn: dict[str, Any], said: Said) -> None:
    """Texts as they are, pictures by where they are, results as JSON."""
    assert read_turns([turn]) == [said]


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ({"role": "assistant", "parts": [{"text": "a"}]}, "Please use a valid role"),
        (user(), "contents[0].parts: contents.parts must not be empty"),
        (7, "must not be empty"),
        (user({}), "required oneof field 'data'"),
        (user({"text": "a", **RESULT}), "required oneof field 'data'"),
        (user({"functionResponse": {"response": {}}}), "Name cannot be empty"),
    ],
)
def test_turns_that_are_refused(turn: Any, words: str) -> None:
    """With words that name the place."""
    with pytest.raises(Unfit) as raised:
        read_turns([turn])

    assert words in raised.value.refusal.message


HI = user({"text": "hi"})


@pytest.mark.parametrize(
    "turns",
    [
        [HI],
        [HI, model({"text": "a"}), HI],
        [HI, model(SIGNED), user(RESULT)],
        [HI, model(SIGNED, CALL), user(RESULT, RESULT), model(SIGNED), user(RESULT), model({"text": "a"})],
    ],
)
def test_conversations_that_are_well(turns: list[Any]) -> None:
    """Each call has its result in the next turn, and the first of a turn is signed."""
    assert refused(turns) == ""


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([HI, model(SIGNED, CALL), user(RESULT)], "number of function response parts"),
        ([HI, model(SIGNED), HI], "number of function response parts"),
        ([HI, user(RESULT)], "number of function response parts"),
        ([HI, model(CALL), user(RESULT)], "function call `f`, position 2"),
        ([HI, model(CALL, SIGNED), user(RESULT, RESULT)], "missing a thought_signature"),
    ],
)
def test_conversations_that_are_not(turns: list[Any], words: str) -> None:
    """A result is missing or too many, or a signature is."""
    assert words in refused(turns)


def test_older_models_want_no_signatures() -> None:
    """So none is missed."""
    assert refused([HI, model(CALL), user(RESULT)], signed=False) == ""


def test_a_system_instruction() -> None:
    """None where there is none; the older Gemma models have no place for it."""
    assert read_system(None, "gemma-3-1b") == []
    assert read_system(user({"text": "a"}), "m") == [Said("a", "system")]
    with pytest.raises(Unfit, match="Developer instruction"):
        read_system(user({"text": "a"}), "gemma-3-1b")


PARTS = nearly(
    text=some("a"),
    inlineData=nearly(mimeType=JSON, data=JSON),
    fileData=nearly(fileUri=JSON),
    functionCall=nearly(name=some("f")),
    functionResponse=nearly(name=some("f"), response=JSON),
    thoughtSignature=some("c2ln"),
)


@given(st.lists(nearly(role=some("user", "model"), parts=st.lists(PARTS, max_size=2) | JSON), max_size=3))
def test_any_turns_are_read_or_refused(turns: list[Any]) -> None:
    """Never another exception."""
    assert isinstance(refused(turns), str)
