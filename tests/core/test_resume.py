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
    BETWEEN,
    CHATTER,
    HEAD,
    HELD,
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
    from collections.abc import Callable, Iterable, Iterator

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


def again(full: str, text: str) -> bool:
    """Whether the answer itself says the anchor again right behind it."""
    rest = rest_of(full, text)
    return any(rest.startswith(anchor_of(text), size) for size in range(1, BETWEEN + 1))


def anew_itself(full: str, text: str) -> bool:
    """Whether the answer itself goes on with its own beginning: nobody can tell."""
    return rest_of(full, text).lstrip().startswith(text.strip()[:HEAD])


def breaks(blank: str) -> str:
    return blank[: blank.rfind("\n") + 1]


def like_a_mention(full: str, text: str) -> bool:
    """Whether the line of the anchor ends with it, in the answer itself."""
    rest = rest_of(full, text)
    new = breaks(rest[: len(rest) - len(rest.lstrip())])
    return not rest.strip() or (new != "" and new != breaks(text[len(text.rstrip()) :]))


def joined(text: str, said: Iterable[str], *, prefill: bool = False) -> str:
    """What the caller has at last."""
    seam = Seam(text, prefill=prefill)
    new = "".join([*map(seam.feed, said), seam.close()])
    assert seam.settled
    return text + new


def apart(text: str, *said: str, prefill: bool = False) -> bool:
    try:
        return not joined(text, said, prefill=prefill)
    except WireError as error:
        return error == WireError(Kind.INVALID, "its continuation does not join what was said before")


# ---------------------------------------------------------------- every cut


@pytest.mark.parametrize("full", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("manner", [rest_of, obedient, anew])
def test_every_cut(full: str, manner: Callable[[str, str], str]) -> None:
    """Nothing is repeated and nothing lost, but where an answer that repeats itself leaves that open."""
    prefill = manner is rest_of
    repeats = anew_itself if prefill else again
    for place in range(0, len(full) + 1, 41 if full is TEXT else 1 + len(full) // 900):
        text = full[:place]
        said = manner(full, text)
        if not (repeats(full, text) and (full.startswith(text * 2) or apart(text, said, prefill=prefill))):
            assert joined(text, [said], prefill=prefill) == full


@pytest.mark.parametrize("full", TEXTS.values(), ids=TEXTS)
def test_every_cut_with_chatter_before(full: str) -> None:
    """It joins as well, but where few words were said, or where the anchor might have been a mention."""
    for place in range(0, len(full) + 1, 41 if full is TEXT else 1 + len(full) // 900):
        text = full[:place]
        said = chatting(full, text)
        if text.strip() and (len(anchor_of(text)) < UNMISTAKABLE or like_a_mention(full, text)):
            assert apart(text, said)
        elif not (again(full, text) and apart(text, said)):
            assert joined(text, [said]) == full


@pytest.mark.parametrize("full", SHORT_TEXTS.values(), ids=SHORT_TEXTS)
@pytest.mark.parametrize("manner", [rest_of, obedient, chatting, anew])
def test_the_pieces_do_not_matter(full: str, manner: Callable[[str, str], str]) -> None:
    """A character at a time, a token at a time, or all at once: the same."""
    prefill = manner is rest_of
    for place in range(3, len(full), max(11, len(full) // 12)):
        text = full[:place]
        said = manner(full, text)
        for size in (1, 4):
            if apart(text, said, prefill=prefill):
                assert apart(text, *cut(said, size), prefill=prefill)
            else:
                assert joined(text, cut(said, size), prefill=prefill) == joined(text, [said], prefill=prefill)


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

    assert anew_itself(full, text) or joined(text, cut(rest_of(full, text), size), prefill=True) == full
    if not again(full, text):
        assert joined(text, cut(obedient(full, text), size)) == full
        assert joined(text, cut(anew(full, text), size)) == full


ANY = st.text("ab \n\"`“”'", max_size=120)


@given(
    ANY,
    st.lists(st.sampled_from(["anchor", "text", "rest", "```\n", '"', "\n", " "]) | ANY),
    st.integers(1, 9),
)
def test_anything_joins_alike_in_any_pieces(text: str, parts: list[str], size: int) -> None:
    """And what does not join does not, whole or in pieces."""
    known = {"anchor": anchor_of(text), "text": text, "rest": " on and on"}
    said = "".join(known.get(part, part) for part in parts)
    for prefill in (False, True):
        fails = apart(text, said, prefill=prefill)
        assert fails == apart(text, *cut(said, size), prefill=prefill)
        if not fails:
            assert joined(text, cut(said, size), prefill=prefill) == joined(text, [said], prefill=prefill)


# ---------------------------------------------------------------- what models do

PROSE = (
    "The Rhine rises in the Alps. It flows north through Basel, Strasbourg and Cologne. Many castles stand "
    'above it, and "many a song" is sung of it.\n\nIn Rotterdam it meets the sea. Nobody forgets it.'
)
QUOTED = '"To be, or not to be, that is the question" — so says Hamlet, and "the rest is silence" comes last.'
FORMED = (
    'Here is code:\n\n```python\ndef f(x):\n    return x + 1\n```\n\nAnd "this":\n\n```sh\nls -la\n```\nEnd.'
)
SAMPLES = {
    "prose": PROSE,
    "quoted": QUOTED,
    "code": FORMED,
    "json": json.dumps({"items": RECORDS[:4]}),
    "unspaced": "日本の川は短くて急です。信濃川は最も長い川です。🎉 Ünïcödé – ещё. 最後の文です。終わり。",
}
FAR = (
    "I was asked to say that again and to go on to the end of it without any explanation, quotation marks. "
    * 2
)
# {a}: the anchor, and what follows it; {m}: the anchor, mentioned; {w}: the whole.
EXACT = ["{a}", "{w}", "Sure! Here is the rest:\n\n{a}", "Of course.\n{a}", "Going on:\n\n---\n\n{a}"]
SAFE = [
    "Last words: {m}\n\nContinuation: {r}",
    "It stopped after {m} and I go on now: {r}",
    'It stopped at "{m}". Here is the rest: {r}',
    '"{m}"\n\n{r}',
    "```\n{m}\n```\n\n{r}",
    "Last words:\n{m}",
    "In other words, it goes on. {r}",
    "I begin with {m}\n\n{a}",
    "I begin with {m}\n\n" + FAR + "{a}",
    "I begin with {m}\n\n" + FAR + "\n{a}",
    "{m}\n\n{a}",
    "{m}\n{a}",
    "{m} {a}",
    "{m}… {a}",
    "{m}\n\n{m}\n\n{a}",
    "Sure:\n\n{m}\n\n{a}",
    "**{m}**{r}",
    "...{a}",
    "```\n{a}\n```",
    "```json\n{a}\n```",
    "Sure:\n```\n{a}\n```",
    '"{a}"',
    "```json\n{w}\n```",
    "Sure:\n\n{w}",
]


def phrased(form: str, full: str, text: str) -> str:
    anchor, rest = anchor_of(text), rest_of(full, text)
    return form.format(a=anchor + rest, m=anchor, r=rest.lstrip(), w=full)


def sample_cuts(full: str, step: int = 1) -> Iterator[str]:
    """What was said, where it is not too short to be unmistakable."""
    return (full[:place] for place in range(UNMISTAKABLE + 2, len(full), step))


def samples(step: int = 1) -> Iterator[tuple[str, str]]:
    return ((full, text) for full in SAMPLES.values() for text in sample_cuts(full, step))


@pytest.mark.parametrize("form", EXACT)
def test_what_a_good_model_says_joins(form: str) -> None:
    """At every cut, but behind chatter not where the line of the anchor ends with it."""
    for full, text in samples():
        said = phrased(form, full, text)
        if form.startswith("{") or not like_a_mention(full, text):
            assert joined(text, [said]) == full
        else:
            assert apart(text, said)


@pytest.mark.parametrize("form", SAFE)
def test_what_a_bad_model_says_joins_exactly_or_not_at_all(form: str) -> None:
    """Mentions, paraphrases, anchors said twice: there is never another text."""
    for full, text in samples():
        said = phrased(form, full, text)
        assert apart(text, said) or joined(text, [said]) == full


@pytest.mark.parametrize("size", [1, 7])
def test_in_pieces_as_well(size: int) -> None:
    """Each of these forms, at some cuts."""
    for full, text in samples(67):
        for form in (*EXACT, *SAFE):
            said = phrased(form, full, text)
            if apart(text, said):
                assert apart(text, *cut(said, size))
            else:
                assert joined(text, cut(said, size)) == full


@pytest.mark.parametrize(
    ("form", "least"),
    [("I begin with {m}\n\n{a}", 0.8), ("{m}\n\n{a}", 0.6), ("{m}… {a}", 0.6), ("Sure:\n\n{w}", 0.8)],
)
def test_the_last_anchor_counts(form: str, least: float) -> None:
    """It mostly joins where the true one follows a mention, or all that was said."""
    texts = list(sample_cuts(PROSE))
    exact = sum(not apart(text, phrased(form, PROSE, text)) for text in texts)
    assert exact >= least * len(texts)


def test_a_good_model_is_hardly_held_up() -> None:
    """What it says is new a few characters behind the anchor."""
    for text in sample_cuts(PROSE[:-5]):
        seam = Seam(text, prefill=False)
        came = [seam.feed(char) for char in obedient(PROSE, text)]
        assert any(came[: len(anchor_of(text)) + 8])


# ---------------------------------------------------------------- a prefilled model that begins anew


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_prefilled_model_that_says_all_again(size: int) -> None:
    """Its text is cut, where it is long enough."""
    for full, text in samples(2 if size > 7 else 19):
        assert joined(text, cut(full, size), prefill=True) == full
        assert joined(text, cut(text + rest_of(full, text).lstrip(), size), prefill=True).startswith(text)
        assert apart(text, *cut("\n\n" + full, size), prefill=True)


@pytest.mark.parametrize(
    "said", [PROSE[:40], PROSE[:HEAD], PROSE[:60] + " and so on", PROSE[:99] + "\n" * 200], ids=len
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_prefilled_model_that_begins_anew(said: str, size: int) -> None:
    """And says something else, or less: it does not join."""
    assert apart(PROSE[:100], *cut(said, size), prefill=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Few words", "Few words"),
        ("ha " * 7, "ha " * 7),
        ("One line.\nTwo lines.\n" * 3 + "A third", "One line.\nTwo lines.\nOne"),
        (PROSE[:60], PROSE[: HEAD - 1]),
        (PROSE[:60], PROSE[: HEAD - 1] + "?"),
        (PROSE[:60], ""),
        (PROSE[:60], " " * HELD + PROSE),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_coincidence_loses_no_text(text: str, said: str, size: int) -> None:
    """Few words, a refrain, and words that only begin alike are new."""
    assert joined(text.strip(), cut(said, size), prefill=True) == text.strip() + said


def test_a_prefilled_model_is_hardly_held_up() -> None:
    """What goes on is new with its first characters; what is too short to be known, at once."""
    seam = Seam(PROSE[:50], prefill=True)

    assert not seam.settled
    assert (seam.feed(" "), seam.feed("T"), seam.feed("o")) == ("", "", " To")
    assert seam.settled
    assert Seam("Few words", prefill=True).settled
    assert joined("  " + PROSE[:50], ["  " + PROSE], prefill=True) == "  " + PROSE


def test_a_long_text_is_not_looked_at_with_every_piece() -> None:
    """And yet it joins with the very piece that ends the repetition."""
    seam = Seam(TEXT[:9000], prefill=False)

    assert not any(seam.feed(TEXT[place : place + 9]) for place in range(0, 9000, 9))
    assert seam.settled
    assert seam.feed("x") == "x"
    assert apart(TEXT[:9000], *cut(TEXT[:5000] + "?" * 5000, 9))


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
    bound = CHATTER + HEAD + 2 * ANCHOR

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
        (f"It ended so:\n{END}\n\nAnd goes on so:\n{END}{ON}", ON),
        (f"It ended so:\n{END}\n\nAnd goes on so:{ON}", None),
        (f'“{END}…” is the end. "{END}{ON}"', None),
        (f'Gladly: "{END}{ON}"', None),
        (f'Gladly:\n"{END}{ON}"', ON),
        (f'"{END}{ON}"', ON),
        (f'"{END}{ON} “No,” she said."', f"{ON} “No,” she said."),
        (f'"{END}{ON} "No," she said."', f'{ON} "No," she said.'),
        (f'"{END}{ON} She said "no"', f'{ON} She said "no"'),
        (f"“{END}{ON}”", ON),
        (f"«{END}{ON}» ", ON),
        (f"“{END}{ON} “No”", f"{ON} “No”"),
        (f"Sure:\n\n```text\n{END}{ON}\n```\n", ON),
        (f"```\nSure:\n{END}{ON}\n```\n", ON),
        (f"```\n{END}{ON}\n```", ON),
        (f"```\n{END}\n\nAnd on\n```", "\n\nAnd on"),
        (f"```\n{END}{ON}\n\n```\ncode\n```\n```", f"{ON}\n\n```\ncode\n```"),
        (f"```\n{END}{ON}\n\n```\ncode\n```", f"{ON}\n\n```\ncode\n```"),
        (f"```\n{END}{ON} ```", f"{ON} ```"),
        (f"```\n{END}\n```", None),
        (f"{END}… " * 1100 + END + ON, ON),
        (f"{END}", ""),
        (f"{END}\n\n", "\n\n"),
        (f"{END}{' ' * BETWEEN} {END}", f"{' ' * BETWEEN} {END}"),
        (f"{END}{ON}\n```", f"{ON}\n```"),
        (f"```\n{END}{ON}{' ' * 200}x", f"{ON}{' ' * 200}x"),
        (f"  {END}{ON}", ON),
        (f"Sure. {END}{ON}", None),
        (f"Sure.\n{END}{ON} {'Later. ' * 30}{END}.", f"{ON} {'Later. ' * 30}{END}."),
    ],
)
def test_what_stands_around_the_anchor(said: str, new: str | None) -> None:
    """Chatter, marks and fences are cut, and what closes them where it is one too many. Mentions are not."""
    for size in (1, 5, 100_000):
        if new is None:
            assert apart(SENTENCE, *cut(said, size))
        else:
            assert joined(SENTENCE, cut(said, size)) == SENTENCE + new


def test_a_line_that_may_come_again() -> None:
    """An anchor that begins a line of the text may be a refrain: behind another one it does not join."""
    line = "and nobody came to the old house by a lake"
    text = f"A song of\nlong ago\n{line}"
    anchor = anchor_of(text)

    assert anchor == line
    assert apart(text, f"It ended so:\n{anchor}\n\nAnd goes on so:\n{anchor} at all")
    assert apart(text, f"{anchor}\n{anchor} at all")
    assert joined(text, [f"{anchor}… {anchor} at all"]) == f"{text} at all"


def test_a_mark_that_the_text_begins_with_is_in_the_anchor() -> None:
    """Or nobody could tell it from one that was put around the rest."""
    text = '"To be, or not to be, that is the questio'

    assert anchor_of(text) == text
    assert joined(text, [f'"{text}n" he says."']) == f'{text}n" he says.'


def test_a_mark_that_was_cut_in_the_middle() -> None:
    """Its beginning and its end are one mark, where it is counted."""
    text = "And here is some more of the code for you:\n\n``"
    rest = "`sh\nls -la\n```\nThat is all."

    assert joined(text, cut(f"```\n{anchor_of(text)}{rest}\n```")) == text + rest
    assert joined(text, cut(f"```\n{anchor_of(text)}`")) == f"{text}`"


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


def test_a_limit_is_kept_at_the_joint() -> None:
    """It is passed by no more than the anchor and a few tokens."""
    text = "word " * 32 + "and the last words of them all are these here"
    asked = continuation(replace(ASKED, max_tokens=tokens_of(text) + 5), text, prefill=False)

    assert asked.max_tokens == 5 + tokens_of(anchor_of(text)) + SPARE
    assert SPARE < 10


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
