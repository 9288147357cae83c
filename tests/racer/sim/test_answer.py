"""Answers: the same for the same question, and cut as was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.answer import compose, count_tokens
from racer.sim.exchange import Answer, Ask, ToolSpec, Unfinished
from racer.sim.profile import Provider
from tests.racer.sim.scenes import flavoured, profile

if TYPE_CHECKING:
    from racer.sim.profile import Manner

ASK = Ask(model="m", prompt="Why is the sky blue?", stream=True)
ONE = Provider("one", models=("m",))
OTHER = Provider("other", models=("m",))


def answer(
    ask: Ask = ASK, of: Provider = ONE, *, same: bool = False, seed: int = 0, length: float = 24
) -> Answer:
    return compose(ask, of, profile(of, same=same, seed=seed, length=length))


def test_the_same_question_has_the_same_answer() -> None:
    """Seed, provider, model and prompt decide, and nothing else."""
    assert answer() == answer()
    assert answer(replace(ASK, stream=False)) == answer()


@pytest.mark.parametrize(
    "other",
    [
        answer(of=OTHER),
        answer(seed=1),
        answer(replace(ASK, model="n")),
        answer(replace(ASK, prompt="Why not?")),
    ],
)
def test_each_of_these_has_a_say(other: Answer) -> None:
    """Another provider, seed, model or prompt gives another text."""
    assert other.text != answer().text


def test_same_makes_all_providers_agree() -> None:
    """In deterministic mode provider and model have no say, in text as in length."""
    long_winded = replace(OTHER, length=replace(profile().length))

    assert answer(same=True) == answer(replace(ASK, model="n"), long_winded, same=True)
    assert answer(same=True).text != answer(seed=1, same=True).text


def test_length_is_in_tokens() -> None:
    """The profile's length, unless the provider has its own."""
    assert len(answer(length=7).tokens) == 7
    assert len(answer(of=replace(ONE, length=profile(length=5).length), length=7).tokens) == 5


def test_there_is_always_a_token() -> None:
    """A length that rounds to nothing gives one token."""
    assert len(answer(length=0.1).tokens) == 1


@pytest.mark.parametrize(("cap", "tokens", "finish"), [(5, 5, "length"), (24, 24, "stop"), (99, 24, "stop")])
def test_a_cap_cuts(cap: int, tokens: int, finish: str) -> None:
    """Above the cap nothing is said, and the finish reason tells."""
    found = answer(replace(ASK, max_tokens=cap))

    assert (found.output_tokens, found.finish) == (tokens, finish)
    assert answer().text.startswith(found.text)


def test_a_cap_counts_reasoning() -> None:
    """A model that thinks first may have no words left."""
    thinker = flavoured("groq", reasoning=10)

    found = answer(replace(ASK, max_tokens=8), thinker)

    assert (len(found.reasoning), found.tokens, found.finish) == (8, (), "length")
    assert answer(replace(ASK, reasoning=False), thinker).reasoning == ()


@given(st.integers(0, 60), st.integers(1, 8))
def test_stop_sequences_stop(place: int, size: int) -> None:
    """The text ends before the first of them; finish is stop."""
    full = answer().text
    stop = full[place : place + size]

    found = answer(replace(ASK, stop=("never said", stop)))

    assert found.text == full[: full.index(stop)]
    assert found.finish == "stop"


def test_a_stop_in_the_last_token() -> None:
    """The only full stop of a short text is cut off, and nothing else."""
    short = answer(length=5)

    assert answer(replace(ASK, stop=(".",)), length=5).text == short.text.removesuffix(".")


@given(st.integers(0, 200))
def test_a_begun_answer_is_carried_on(place: int) -> None:
    """With the beginning given, the rest comes: together they are the whole text."""
    full = answer().text
    begun = full[:place]

    assert begun + answer(replace(ASK, prefix=begun)).text == full


def test_a_finished_answer_has_no_rest() -> None:
    """Who has all of it gets nothing more."""
    assert answer(replace(ASK, prefix=answer().text)).tokens == ()


def test_a_beginning_of_another_text_is_not_carried_on() -> None:
    """Then the answer comes whole."""
    assert answer(replace(ASK, prefix="Something else")).text == answer().text


def test_json_is_an_object() -> None:
    """JSON mode without a schema gives an object."""
    assert isinstance(orjson.loads(answer(replace(ASK, json=True)).text), dict)


def test_json_fits_the_schema() -> None:
    """With a schema, what is said fits it."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    assert orjson.loads(answer(replace(ASK, json=True, schema=schema)).text).keys() == {"n"}


def test_a_tool_is_called_with_fitting_arguments() -> None:
    """The tokens are the arguments, and the finish reason says so."""
    tool = ToolSpec("add", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})

    found = answer(replace(ASK, tools=(tool,)))

    (call,) = found.calls
    assert (call.name, found.tokens, found.finish) == ("add", (), "tool_calls")
    assert isinstance(orjson.loads(call.text)["a"], int)


def test_a_warm_up_says_nothing() -> None:
    """Loading a model is no answer."""
    assert answer(replace(ASK, warm_up=True)).tokens == ()


@pytest.mark.parametrize(("text", "tokens"), [("", 1), ("abcd", 1), ("abcde", 2)])
def test_prompt_tokens_are_counted_by_length(text: str, tokens: int) -> None:
    """Four characters a token, at least one."""
    assert count_tokens(text) == tokens


def test_parallel_calls_have_arguments_of_their_own() -> None:
    """The first has those that it would have alone."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    add, more = ToolSpec("add", schema), ToolSpec("more", schema)

    alone, both = answer(replace(ASK, tools=(add,))), answer(replace(ASK, tools=(add, more)))

    assert [call.name for call in both.calls] == ["add", "more"]
    assert both.calls[0] == alone.calls[0]
    assert both.calls[0].text != both.calls[1].text
    assert both.output_tokens == sum(len(call.tokens) for call in both.calls)


@pytest.mark.parametrize(("cap", "sizes"), [(1, [1]), (2, [2]), (3, [2, 1]), (9, [2, 2])])
def test_a_cap_cuts_calls(cap: int, sizes: list[int]) -> None:
    """A call that has not begun is none."""
    schema = {"const": {"a": 1}}
    tools = (ToolSpec("add", schema), ToolSpec("more", schema))

    found = answer(replace(ASK, tools=tools, max_tokens=cap))

    assert [len(call.tokens) for call in found.calls] == sizes
    assert found.finish == ("tool_calls" if cap == 9 else "length")


def wishing(begun: str, wish: str) -> Ask:
    prompt = f"{ASK.prompt}\n{begun}\n{wish}"
    return replace(ASK, prompt=prompt, broken=Unfinished(ASK.prompt, begun, wish))


@given(st.integers(1, 100))
def test_a_broken_answer_is_ended_as_it_would_have_been(place: int) -> None:
    """By any provider, in deterministic mode: the words that are quoted, and all that follows them."""
    full = answer(same=True).text
    begun = full[:place]
    words = begun.rstrip()[-12:]

    found = answer(wishing(begun, f'You stopped at "{words}".'), OTHER, same=True)

    assert begun.rstrip().removesuffix(words) + found.text == full


@pytest.mark.parametrize("json", [True, False])
def test_json_goes_on_too(*, json: bool) -> None:
    """An object, broken off in a text, is ended with the same characters."""
    full = answer(replace(ASK, json=json)).text
    ask = replace(wishing(full[:9], f"Go on from this:\n{full[:9]}"), json=json)

    assert answer(ask).text == full


@pytest.mark.parametrize(
    ("manner", "goes_on"),
    [("anchor", True), ("prefix", True), ("chatter", True), ("restart", False), ("deaf", False)],
)
def test_manners(manner: Manner, *, goes_on: bool) -> None:
    """What a provider's models do, asked in words or by a prefix."""
    of, full = replace(ONE, continues=manner), answer().text
    asked = answer(wishing(full[:20], f'"{full[14:20]}"'), of).text
    prefixed = answer(replace(ASK, prefix=full[:20]), of).text

    for text in (asked, prefixed):
        assert (text.endswith(full[20:]) and text != full) is goes_on
    assert {asked == full, prefixed == full} == {manner == "restart"}


def test_an_ordinary_question_after_an_answer() -> None:
    """Without the words of the answer's end it is a question like others."""
    asked = wishing("Because.", "Why not green?")

    assert answer(asked) == answer(replace(asked, broken=None))
