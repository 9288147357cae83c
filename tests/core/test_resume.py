"""What another lane is asked, and that its text joins: exactly, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import shake_128
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from racer.core.resume import (
    ANCHOR,
    CHATTER,
    GAP,
    SPARE,
    UNMISTAKABLE,
    Seam,
    anchor_of,
    continuation,
    resumable,
)
from racer.core.tokens import tokens_of
from racer.sim.words import cut, pieces
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Answer, Call, ImagePart, Message, Shape, TextPart, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORDS = pieces(shake_128(b"resume").digest(4000))
TEXT = "".join(WORDS)
CHAT = "Certainly! Here is how it goes on:\n\n"

RECORDS = [{"id": n, "name": f"Ann {n}", "tags": ["a", "b"], "note": 'says "hi"'} for n in range(20)]
SHORT_TEXTS = {
    "json": json.dumps({"items": RECORDS}),
    "pretty json": json.dumps({"items": RECORDS}, indent=2),
    "emoji": "🙂👩‍💻 naïve e\u0301te\u0301 👍🏽 über 東京は日本の首都です。" * 3 + "The end 🏁",
    "periodic": "ha " * 200,
    "refrain": "the same line again and again and on and on\n" * 20,
    "code": "def f(x):\n    if x:\n        return x\n\n    return f(x + 1)\n\n\n" * 6,
    "blanks": "".join(f"word{n}" + " \n\t"[n % 3] * n for n in range(40)),
    "blank": " \n\t " * 5,
    "fenced": "Look:\n\n```python\nprint('a')\n```\n\nand then:\n\n```\nb\n```\n\nThat is all.",
    "one word": "abcdefghij" * 20,
    "indented": "   \n  begins late, and has a line that is longer than the anchor would ever be\n",
}
TEXTS = {"words": TEXT, **SHORT_TEXTS}


def rest_of(full: str, text: str) -> str:
    """What a model says that goes on from the end of what it was sent."""
    return full[len(text.rstrip()) :] if text.strip() else full


def obedient(full: str, text: str) -> str:
    return anchor_of(text) + rest_of(full, text)


def chatting(full: str, text: str) -> str:
    return CHAT + obedient(full, text) if text.strip() else full


def anew(full: str, text: str) -> str:
    return full


def near_again(full: str, text: str) -> bool:
    """Whether the answer itself says the anchor again soon."""
    return 0 <= rest_of(full, text).find(anchor_of(text)) < GAP


def joined(text: str, said: Iterable[str], *, prefill: bool = False) -> str:
    """What the caller has at last."""
    seam = Seam(text, prefill=prefill)
    new = "".join([*map(seam.feed, said), seam.close()])
    assert seam.settled
    return text + new


def apart(text: str, *said: str) -> bool:
    try:
        return not joined(text, said)
    except WireError as error:
        return error == WireError(Kind.INVALID, "its continuation does not join what was said before")


# ---------------------------------------------------------------- every cut


@pytest.mark.parametrize("full", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("manner", [rest_of, obedient, anew])
def test_every_cut(full: str, manner: Callable[[str, str], str]) -> None:
    """Whatever the text is and wherever it was cut, nothing is repeated and nothing lost."""
    for place in range(len(full) + 1):
        text = full[:place]
        assert joined(text, [manner(full, text)], prefill=manner is rest_of) == full


@pytest.mark.parametrize("full", TEXTS.values(), ids=TEXTS)
def test_every_cut_with_chatter_before(full: str) -> None:
    """It joins as well, but where few words were said, or where the anchor might have been a mention."""
    for place in range(len(full) + 1):
        text = full[:place]
        said = chatting(full, text)
        if 0 < len(anchor_of(text)) < UNMISTAKABLE:
            assert apart(text, said)
        elif not (near_again(full, text) and apart(text, said)):
            assert joined(text, [said]) == full


@pytest.mark.parametrize("full", SHORT_TEXTS.values(), ids=SHORT_TEXTS)
@pytest.mark.parametrize("manner", [rest_of, obedient, chatting, anew])
@pytest.mark.parametrize("size", [1, 4])
def test_the_pieces_do_not_matter(full: str, manner: Callable[[str, str], str], size: int) -> None:
    """A character at a time, a token at a time, or all at once: the same."""
    for place in range(3, len(full), max(11, len(full) // 12)):
        text = full[:place]
        said = manner(full, text)
        prefill = manner is rest_of
        if not apart(text, said) or prefill:
            assert joined(text, cut(said, size), prefill=prefill) == full
        else:
            assert apart(text, *cut(said, size))


@pytest.mark.parametrize("manner", [rest_of, obedient, chatting, anew])
def test_between_tokens(manner: Callable[[str, str], str]) -> None:
    """A stream that dies between two of its tokens and goes on in tokens."""
    for n in range(50, 2000, 297):
        text = "".join(WORDS[:n])
        assert joined(text, cut(manner(TEXT, text)), prefill=manner is rest_of) == TEXT


@given(st.text(), st.data())
@example("\ud800 " * 30, None)
def test_any_text(full: str, data: st.DataObject | None) -> None:
    """Lone surrogates and control characters too."""
    place = len(full) // 2 if data is None else data.draw(st.integers(0, len(full)))
    size = 3 if data is None else data.draw(st.integers(1, 10))
    text = full[:place]

    assert joined(text, cut(rest_of(full, text), size), prefill=True) == full
    assert joined(text, cut(obedient(full, text), size)) == full
    assert joined(text, cut(anew(full, text), size)) == full


@given(st.text("ab \n\"`“”'", max_size=120), st.text("ab \n\"`“”'", max_size=200), st.integers(1, 9))
def test_anything_joins_alike_in_any_pieces(text: str, said: str, size: int) -> None:
    """And what does not join does not, whole or in pieces."""
    assert apart(text, said) == apart(text, *cut(said, size))
    if not apart(text, said):
        assert joined(text, cut(said, size)) == joined(text, [said])


# ---------------------------------------------------------------- the anchor


def test_an_anchor_begins_with_a_word_and_is_found_once() -> None:
    """At every cut of a long text: its end, some forty characters of it."""
    for place in range(ANCHOR + 20, len(TEXT), 13):
        said = TEXT[:place].rstrip()
        anchor = anchor_of(TEXT[:place])
        assert said.endswith(f" {anchor}")
        assert said.count(anchor) == 1
        assert ANCHOR <= len(anchor) <= 2 * ANCHOR + 40


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("", ""),
        (" \n", ""),
        ("  Hello wor", "Hello wor"),
        ("ha " * 50, ("ha " * 50).strip()),
        ("x " * 10 + "y" * 100, "y" * 100),
        ("z" + "y" * 60, "z" + "y" * 60),
        ("A beginning that is long enough." + " " * 100 + "end", "end"),
    ],
)
def test_anchors(text: str, anchor: str) -> None:
    """Where the end of a text occurs before, more of it is needed. White space around it does not count."""
    assert anchor_of(text) == anchor


# ---------------------------------------------------------------- what does not join


@pytest.mark.parametrize(
    "said",
    [
        "",
        "   \n",
        "Quite another answer, that has nothing to do with what was said. " * 10,
        "I cannot go on with that.",
        TEXT[:200] + " and now for something else. " * 50,
        CHAT * 20 + anchor_of(TEXT[:5000]) + TEXT[5000:],
        anchor_of(TEXT[:5000])[:-3],
        anchor_of(TEXT[:5000])[:-3] + "###" + TEXT[5000:6000],
        TEXT[:4990],
    ],
    ids=["nothing", "blank", "another", "refusal", "half anew", "chatter", "short", "wrong", "less"],
)
@pytest.mark.parametrize("size", [1, 4, 100_000])
def test_what_does_not_join_is_refused(said: str, size: int) -> None:
    """Never a text with a hole or a seam that shows."""
    assert apart(TEXT[:5000], *cut(said, size))


def test_it_is_refused_as_soon_as_that_is_sure() -> None:
    """Not at the end of a long answer; and before, nothing is given away."""
    seam = Seam(TEXT[:5000], prefill=False)
    bound = CHATTER + 2 * ANCHOR

    assert seam.feed("x" * CHATTER) == ""
    assert not seam.settled
    with pytest.raises(WireError, match="does not join"):
        seam.feed("x" * (bound - CHATTER))


SENTENCE = "She had seen the old lighthouse from afar, and now she stood"
END = anchor_of(SENTENCE)
ON = " before its door."


@pytest.mark.parametrize(
    ("said", "new"),
    [
        (f'Going on from "{END}":\n\n{END}{ON}', ON),
        (f'Going on from "…{END}": she walked in.', None),
        (f"Going on from “{END}”, she walked in.", None),
        (f"Going on from `{END}`.", None),
        (f"It ended so:\n{END}\n\nAnd goes on so:\n{END}{ON}", None),
        (f'Gladly: "{END}{ON}"', ON),
        (f'"{END}{ON}"', ON),
        (f'"{END}{ON} “No,” she said."', f"{ON} “No,” she said."),
        (f'"{END}{ON} "No," she said."', f'{ON} "No," she said.'),
        (f'"{END}{ON} She said "no"', f'{ON} She said "no"'),
        (f"“{END}{ON}”", ON),
        (f"«{END}{ON}» ", ON),
        (f"“{END}{ON} “No”", f"{ON} “No”"),
        (f"Sure:\n\n```text\n{END}{ON}\n```\n", ON),
        (f"```\n{END}{ON}\n```", ON),
        (f"```\n{END}{ON}\n\n```\ncode\n```\n```", f"{ON}\n\n```\ncode\n```"),
        (f"```\n{END}{ON}\n\n```\ncode\n```", f"{ON}\n\n```\ncode\n```"),
        (f"```\n{END}{ON} ```", f"{ON} ```"),
        (f"```\n{END}\n```", ""),
        (f"{END}{ON}\n```", f"{ON}\n```"),
        (f"```\n{END}{ON}{' ' * 200}x", f"{ON}{' ' * 200}x"),
        (f"  {END}{ON}", ON),
        (f"Sure. {END}{ON} {'Later. ' * 30}{END}.", f"{ON} {'Later. ' * 30}{END}."),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_what_stands_around_the_anchor(said: str, new: str | None, size: int) -> None:
    """Chatter, marks and fences are cut, and what closes them where it is one too many. Mentions are not."""
    if new is None:
        assert apart(SENTENCE, *cut(said, size))
    else:
        assert joined(SENTENCE, cut(said, size)) == SENTENCE + new


def test_a_mention_is_looked_out_for_only_so_far() -> None:
    """The anchor again much later is the answer's own."""
    far = f"Sure. {END}{ON}{'x' * GAP}{END}"

    assert joined(SENTENCE, [far]).endswith(f"{'x' * GAP}{END}")


def test_few_words_in_a_fence() -> None:
    """What is too short to be found in chatter is found right behind an opening fence."""
    assert joined('{"a"', ["```json\n", '{"a": 1}', "\n```"]) == '{"a": 1}'
    assert joined("a", ['```java\na = "a"']) == 'a = "a"'
    assert apart("I", "Surely I can.")


def test_what_was_sent_without_white_space() -> None:
    """It comes back whole, in part, or not at all."""
    assert joined("One.\n\n", ["\n", "\nTwo."], prefill=True) == "One.\n\nTwo."
    assert joined("One.\n\n", ["\nTwo."], prefill=True) == "One.\n\nTwo."
    assert joined("One.\n\n", ["Two."], prefill=True) == "One.\n\nTwo."
    assert joined("One. ", [], prefill=True) == "One. "
    assert joined("One.\n\n", ["One.", "", "\n\n\n  Two."]) == "One.\n\n\n  Two."


def test_a_prefilled_answer_is_new_whatever_it_says() -> None:
    """A coincidence loses no text."""
    seam = Seam("ha ha ha", prefill=True)

    assert seam.settled
    assert seam.feed(" ha ha ha") == " ha ha ha"
    assert seam.close() == ""


# ---------------------------------------------------------------- what is asked

ASKED = Call((Message("system", "Be brief."), Message("user", "Tell me.")), max_tokens=100, seed=1)


def test_a_model_that_can_be_prefilled() -> None:
    """It gets the text as its own last message, begun, without the white space that some refuse."""
    call = continuation(ASKED, "Once upon \n", prefill=True)

    assert call == replace(
        ASKED,
        messages=(*ASKED.messages, Message("assistant", "Once upon", begun=True)),
        max_tokens=100 - tokens_of("Once upon \n"),
    )


def test_a_model_that_is_told() -> None:
    """It gets the text, and a message of ours that ends with the anchor on lines of its own."""
    text = "It was a dark night, and the rain fell in torrents on the\nroofs of the  sleeping town "
    call = continuation(ASKED, text, prefill=False)
    wish = call.messages[-1]

    assert call.messages[:-1] == (*ASKED.messages, Message("assistant", text))
    assert wish.role == "user"
    assert str(wish.content).endswith(f"\n\n{anchor_of(text)}")
    assert call.max_tokens == 100 - tokens_of(text) + tokens_of(anchor_of(text)) + SPARE


@pytest.mark.parametrize("prefill", [True, False])
def test_blank_text_is_nothing_to_go_on_with(prefill: bool) -> None:
    """The question is asked as it was."""
    assert continuation(ASKED, " \n", prefill=prefill) is ASKED


@pytest.mark.parametrize("prefill", [True, False])
def test_something_may_always_be_said(prefill: bool) -> None:
    """Even when the guess says that no token is left; no limit stays none."""
    text = "word " * 1000

    assert (continuation(ASKED, text, prefill=prefill).max_tokens or 0) >= (1 if prefill else SPARE)
    assert continuation(replace(ASKED, max_tokens=None), text, prefill=prefill).max_tokens is None


@pytest.mark.parametrize("prefill", [True, False])
def test_a_form_is_asked_for_in_words(prefill: bool) -> None:
    """No mode can begin in the middle; what comes and what was said are one document."""
    loose = continuation(replace(ASKED, shape=Shape("json")), '{"a": ', prefill=prefill)
    strict = replace(ASKED, shape=Shape("schema", {"type": "array"}))
    strict = continuation(strict, '["a", ', prefill=prefill)
    place = 0 if prefill else -1

    assert (loose.shape, strict.shape) == (None, None)
    assert loose.messages[place].role == ("system" if prefill else "user")
    assert "one JSON document, an object." in str(loose.messages[place].content)
    assert 'fits this schema: {"type":"array"}' in str(strict.messages[place].content)
    assert str(strict.messages[-1].content).endswith('["a",')


@pytest.mark.parametrize("prefill", [True, False])
def test_an_answer_that_the_caller_had_begun(prefill: bool) -> None:
    """It is one message with what came, where it is text."""
    begun = Call((Message("user", "Go"), Message("assistant", "Once ")))
    parts = Call((Message("assistant", (TextPart("a"), ImagePart("https://a.test/i.png"))),))
    tools = Call((Message("assistant", "", (ToolCall("1", "f", "{}"),)),))

    assert continuation(begun, "upon", prefill=prefill).messages[1] == Message(
        "assistant", "Once upon", begun=prefill
    )
    for call in (parts, tools, Call(())):
        asked = continuation(call, "upon", prefill=prefill).messages
        assert asked[len(call.messages)] == Message("assistant", "upon", begun=prefill)


# ---------------------------------------------------------------- when


@pytest.mark.parametrize("kind", Kind)
def test_what_can_be_gone_on_with(kind: Kind) -> None:
    """A lane that died, whatever it died of. Not what was refused, and no call of a tool."""
    refused = {"invalid", "blocked", "bad_request", "too_long", "too_large", "local"}
    called = Answer("Once", tool_calls=(ToolCall("1", "f", "{"),))

    assert resumable(WireError(kind), Answer("Once")) == (kind not in refused)
    assert not resumable(WireError(kind), called)
