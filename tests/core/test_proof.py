"""racer/core/proof.py: when a lane has shown enough of itself, and when it has turned bad."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.proof import LOOK, MOST_CHATTER, Proof
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Call, Message, Shape, Tool, ToolChoice, ToolDelta

if TYPE_CHECKING:
    from collections.abc import Sequence

HI = Call((Message("user", "hi"),))
JSON = replace(HI, shape=Shape("json"))
SCHEMA = replace(HI, shape=Shape("schema", {"type": "integer"}))
TOOLS = replace(HI, tools=(Tool("add"), Tool("sub")))
REQUIRED = replace(TOOLS, tool_choice=ToolChoice("required"))
NAMED = replace(TOOLS, tool_choice=ToolChoice("named", "add"))
NONE = replace(TOOLS, tool_choice=ToolChoice("none"))
FORCED = (REQUIRED, NAMED)
RECIPE = {"$defs": {"Recipe": {"type": "object"}}, "$ref": "#/$defs/Recipe"}


def schema(**said: Any) -> Call:
    return replace(HI, shape=Shape("schema", said))


def shown_by(proof: Proof, pieces: Sequence[str]) -> int | None:
    """The number of the piece that was enough, from 1; None when none was."""
    for number, piece in enumerate(pieces, 1):
        proof.text(piece)
        if proof.shown:
            return number
    return None


WORDS: list[tuple[str, int, Sequence[str], int | None]] = [
    ("the first character", 1, ["a"], 1),
    ("nothing", 1, ["", ""], None),
    ("blanks", 1, [" ", "\n\t", "\u3000"], None),
    ("blanks, then a word", 1, ["\n\n", "  Hi"], 2),
    ("blanks count from the first character on", 5, ["  a", "   ", " b"], 3),
    ("as much as was asked for", 5, ["abcd", "e"], 2),
    ("one character less", 5, ["abcd"], None),
    ("all in one piece", 5, ["abcdefgh"], 1),
    ("no proof asked for is a character all the same", 0, [" ", "a"], 2),
]


@pytest.mark.parametrize(("need", "pieces", "enough"), [row[1:] for row in WORDS], ids=[r[0] for r in WORDS])
def test_words(need: int, pieces: Sequence[str], enough: int | None) -> None:
    """Any text proves, counted from its first character that is not blank."""
    assert shown_by(Proof(HI, need), pieces) == enough


BEGINNINGS: list[tuple[str, Call, int, Sequence[str], int | None]] = [
    ("a brace", JSON, 1, ["{"], 1),
    ("blanks, then a brace", JSON, 1, [" \n", "\t{"], 2),
    ("a brace and more", JSON, 4, ["{", '"a', '":'], 3),
    ("blanks before it do not count", JSON, 3, ["\n\n\n{", '"'], None),
    ("a character cut in two", JSON, 1, ['{"a":"\\ud83d'], 1),
    ("half a word", SCHEMA, 2, ["t", "r"], 2),
    ("half a number", SCHEMA, 2, ["-", "1."], 2),
    ("any value, with a schema", SCHEMA, 1, ["5"], 1),
    ("a list, with a schema", SCHEMA, 1, ["["], 1),
    ("a whole document that is short", JSON, 9, ["{}", "\n"], None),
]


@pytest.mark.parametrize(
    ("call", "need", "pieces", "enough"), [row[1:] for row in BEGINNINGS], ids=[row[0] for row in BEGINNINGS]
)
def test_the_beginning_of_json(call: Call, need: int, pieces: Sequence[str], enough: int | None) -> None:
    """Where JSON was asked for, its beginning proves, however it is cut."""
    assert shown_by(Proof(call, need), pieces) == enough


NO_BEGINNINGS: list[tuple[str, Call, int, Sequence[str], str]] = [
    ("words", JSON, 1, ["Sure"], "the reply is not JSON"),
    ("words with a schema", SCHEMA, 1, ["Sure"], "the reply is not JSON"),
    ("a fence", JSON, 1, ["```"], "the reply is not JSON"),
    ("words before enough was shown", JSON, 100, ["S"], "the reply is not JSON"),
    ("words inside", JSON, 100, ["{", "recipe"], "the reply is not JSON"),
    ("words behind", JSON, 100, ["{}", " Done."], "the reply is not JSON"),
    ("wrong in a long piece", JSON, 1, ['{"a": oops}'], "the reply is not JSON"),
    ("NaN", SCHEMA, 1, ["NaN"], "the reply is not JSON"),
    ("half a character", SCHEMA, 1, ['"\ud800'], "the reply is not JSON"),
    ("blanks of no JSON", JSON, 1, ["\u3000{"], "the reply is not JSON"),
    ("a list for an object", JSON, 1, ["["], "a JSON object was asked for, and the reply is another"),
    ("a text for an object", JSON, 9, ['"'], "a JSON object was asked for, and the reply is another"),
    ("words where no tool may be called", replace(NONE, shape=JSON.shape), 1, ["I"], "the reply is not JSON"),
]


@pytest.mark.parametrize(
    ("call", "need", "pieces", "words"),
    [row[1:] for row in NO_BEGINNINGS],
    ids=[row[0] for row in NO_BEGINNINGS],
)
def test_no_json(call: Call, need: int, pieces: Sequence[str], words: str) -> None:
    """What can no longer become the JSON that was asked for has turned bad, in the words of the verdict."""
    with pytest.raises(WireError, match=words) as caught:
        shown_by(Proof(call, need), pieces)

    assert caught.value.kind is Kind.INVALID


def test_wrong_json_is_found_soon() -> None:
    """Not at once in a long text, which is not read anew for each token, but long before all was shown."""
    proof = Proof(JSON, 100_000)
    proof.text('{"a": "' + "x" * 8000)
    with pytest.raises(WireError, match="the reply is not JSON"):
        shown_by(proof, ['"!'] * 1000)


AMID: list[tuple[str, Call, int, Sequence[str], int | None]] = [
    ("no chatter", JSON, 1, ["{"], 1),
    ("a fence", JSON, 1, ["```json\n", "{"], 2),
    ("words and a fence in one piece", JSON, 5, ['Sure! ```json\n{"a":'], 1),
    ("words do not count", JSON, 6, ["Here you are: {"], None),
    ("words alone", JSON, 1, ["Sure", "!"], None),
    ("a bracket in words", SCHEMA, 2, ["Some [old", "] news: ", "[4", "2"], 3),
    ("a brace in words", JSON, 3, ["As {recipe} ", 'says: {"a'], 2),
    ("a bracket where an object is wanted", JSON, 1, ["[1]: ", "{"], 2),
    ("a bracket where the schema wants an object", schema(**RECIPE), 1, ["[1]: ", "{"], 2),
    ("a brace where the schema wants a list", schema(type="array"), 1, ["{x} ", "["], 2),
    ("a text in words", schema(type="string"), 2, ["Here: ", '"a'], 2),
    ("a schema of several types", schema(type=["array", "object"]), 1, ["Well: ", "["], 2),
    ("a schema that points nowhere", schema(**{"$ref": "#/a/b"}), 1, ["Well: ", "["], 2),
    ("a schema that points out", schema(**{"$ref": "https://example.test/"}), 1, ["Well: ", "{"], 2),
    ("no schema at all", HI, 1, ["Well: ", "["], 2),
    ("words behind", JSON, 9, ['{"a":"b"}\n``` Done.'], 1),
    ("a short document before words", JSON, 5, ["{}", " or ", '{"abc'], 3),
    ("a short document with words", JSON, 5, ["{} and then words"], None),
    ("cut in the middle of a candidate", JSON, 9, ['x {"a', '": "b', '"'], 3),
]


@pytest.mark.parametrize(
    ("call", "need", "pieces", "enough"), [row[1:] for row in AMID], ids=[row[0] for row in AMID]
)
def test_json_amid_chatter(call: Call, need: int, pieces: Sequence[str], enough: int | None) -> None:
    """Words and fences are passed over, and so is a bracket that turns out to belong to them."""
    assert shown_by(Proof(call, need, chatter=True), pieces) == enough


@pytest.mark.parametrize("piece", ["word ", "{word} ", "w" * MOST_CHATTER, "{" * (2 * MOST_CHATTER)])
def test_chatter_without_end(piece: str) -> None:
    """So much talk, or so many brackets, without any JSON is no reply, in pieces of any size."""
    proof = Proof(JSON, 2000, chatter=True)
    pieces = [piece] * (MOST_CHATTER // len(piece) + 2)
    assert shown_by(proof, ["word ", "{word} "]) is None

    with pytest.raises(WireError, match=r"no JSON within \d+ characters") as caught:
        shown_by(proof, pieces)
    assert caught.value.kind is Kind.INVALID


def test_chatter_behind_a_document_is_left_to_the_verdict() -> None:
    """The document may be the whole reply, though it is shorter than the proof: it does not turn bad."""
    proof = Proof(JSON, 5, chatter=True)

    assert shown_by(proof, ["{} ", *["word "] * MOST_CHATTER, '{"abcdef']) is None


def test_json_behind_the_longest_chatter() -> None:
    """As many words as that, and no more, may stand before it."""
    proof = Proof(JSON, 1, chatter=True)

    assert shown_by(proof, ["w" * MOST_CHATTER, "{"]) == 2


@pytest.mark.parametrize(
    "piece",
    ["[" * 8_000_000, "[" * 7, '{"é":' * 100_000, "[" * 900 + "1," * 2000 + "x"],
    ids=["one piece", "small pieces", "deep", "wrong at the end"],
)
def test_a_hostile_text_costs_little(piece: str) -> None:
    """Brackets that never become JSON are given up; looking at them anew each time would take hours."""
    proof = Proof(SCHEMA, 20_000, chatter=True)

    with pytest.raises(WireError, match="no JSON within"):
        shown_by(proof, [piece] * MOST_CHATTER)


CALLS: list[tuple[str, Call, ToolDelta, bool]] = [
    ("a tool that was offered", TOOLS, ToolDelta(0, "c1", "add"), True),
    ("another of them", TOOLS, ToolDelta(1, name="sub", arguments="{}"), True),
    ("a call without its name", TOOLS, ToolDelta(0, "c1"), False),
    ("arguments without a name", TOOLS, ToolDelta(0, arguments='{"a":'), False),
    ("any where one is required", REQUIRED, ToolDelta(0, name="sub"), True),
    ("the one that is required", NAMED, ToolDelta(0, name="add"), True),
    ("a call instead of JSON", replace(TOOLS, shape=JSON.shape), ToolDelta(0, name="add"), True),
]


@pytest.mark.parametrize(
    ("call", "delta", "shown"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS]
)
def test_calls(call: Call, delta: ToolDelta, shown: bool) -> None:
    """A name that was offered proves, however much text was wanted."""
    proof = Proof(call, 1000)
    proof.tool(delta)

    assert proof.shown is shown


WRONG_CALLS: list[tuple[str, Call, str, str]] = [
    ("no tools", HI, "add", "a tool call, and no tool was to be called"),
    ("no tool may be called", NONE, "add", "a tool call, and no tool was to be called"),
    ("unknown", TOOLS, "rm", "a call of a tool that was not offered"),
    ("another than the one named", NAMED, "sub", "a call of a tool that was not offered"),
]


@pytest.mark.parametrize(
    ("call", "name", "words"), [row[1:] for row in WRONG_CALLS], ids=[row[0] for row in WRONG_CALLS]
)
def test_wrong_calls(call: Call, name: str, words: str) -> None:
    """A call that nobody asked for has turned bad, in the words of the verdict."""
    with pytest.raises(WireError, match=words) as caught:
        Proof(call, 1).tool(ToolDelta(0, "c1", name))

    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize("call", FORCED)
def test_words_prove_nothing_where_a_call_is_required(call: Call) -> None:
    """They may stand before it; the call itself proves."""
    proof = Proof(replace(call, shape=JSON.shape), 1)

    assert shown_by(proof, ["I look.", "{"]) is None
    proof.tool(ToolDelta(0, "c1", "add"))
    assert proof.shown


def test_words_for_json_where_a_tool_may_be_called() -> None:
    """They announce the call, or are wrong: neither proves, and only the end can tell."""
    proof = Proof(replace(TOOLS, shape=JSON.shape), 1)

    assert shown_by(proof, ["I look.", "{"]) is None
    proof.tool(ToolDelta(0, "c1", "add"))
    assert proof.shown


def test_text_after_the_proof_is_not_looked_at() -> None:
    """The verdict judges the whole at its end. But nobody is handed a call that nobody may make."""
    proof = Proof(replace(NONE, shape=JSON.shape), 1)
    proof.text("{")
    proof.text("oops")

    assert proof.shown
    with pytest.raises(WireError, match="no tool was to be called"):
        proof.tool(ToolDelta(0, "c1", "rm"))


def test_a_second_call_of_an_unknown_tool() -> None:
    """The first has shown enough; the second is as bad as ever."""
    proof = Proof(TOOLS, 1)
    proof.tool(ToolDelta(0, "c1", "add", "{}"))

    with pytest.raises(WireError, match="a tool that was not offered"):
        proof.tool(ToolDelta(1, "c2", "rm"))


@pytest.mark.parametrize(
    ("deltas", "after"),
    [
        ([ToolDelta(0, "c1", "a"), ToolDelta(0, "", "dd")], 1),
        ([ToolDelta(0, "c1", "add"), ToolDelta(0, "", "add", "{")], 0),
        ([ToolDelta(0, "c1"), ToolDelta(0, "", "add")], 1),
        ([ToolDelta(0, "c1", "a"), ToolDelta(1, "c2", "sub")], 1),
    ],
)
def test_a_name_in_pieces(deltas: list[ToolDelta], after: int) -> None:
    """It proves when it is whole; one that is repeated is the same."""
    proof = Proof(TOOLS, 1)
    shown: list[bool] = []
    for delta in deltas:
        proof.tool(delta)
        shown.append(proof.shown)

    assert shown.index(True) == after


def test_a_name_that_stays_half_is_unknown() -> None:
    """Once its arguments have begun nothing of it is to come."""
    proof = Proof(TOOLS, 1)
    proof.tool(ToolDelta(0, "c1", "ad"))

    with pytest.raises(WireError, match="a tool that was not offered"):
        proof.tool(ToolDelta(0, arguments="{"))


def test_what_nobody_can_see_proves_nothing() -> None:
    """A mark of the byte order, a space without width."""
    proof = Proof(HI, 1)
    proof.text("\ufeff\u200b \n")
    assert not proof.shown
    proof.text("\u200ba")

    assert proof.shown


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON_VALUES, st.text(alphabet=" \n\t"), st.lists(st.integers(1, 9)), st.integers(1, 30))
def test_no_json_ever_turns_bad(value: Any, blanks: str, sizes: list[int], need: int) -> None:
    """Cut anywhere, JSON proves with the very piece that makes it long enough."""
    said = orjson.dumps(value).decode()
    text = blanks + said
    cuts = [0, *(cut for cut in accumulate(sizes) if cut < len(text)), len(text)]
    pieces = [text[begin:end] for begin, end in pairwise(cuts)]
    enough = next((n for n, end in enumerate(cuts[1:], 1) if end - len(blanks) >= need), None)

    assert shown_by(Proof(SCHEMA, need), pieces) == enough


@given(
    st.lists(st.text(alphabet='ab [{]}",:1\\\n`é', max_size=12), max_size=20),
    st.integers(1, 20) | st.just(2 * LOOK),
    st.sampled_from([HI, JSON, SCHEMA, TOOLS, REQUIRED, NAMED, NONE]),
    st.booleans(),
)
def test_any_text_is_looked_at_safely(pieces: list[str], need: int, call: Call, chatter: bool) -> None:
    """A proof or a WireError, never another exception; and no proof shorter than what was needed."""
    proof = Proof(call, need, chatter=chatter)
    try:
        enough = shown_by(proof, pieces)
    except WireError:
        return
    if enough is not None:
        assert len("".join(pieces[:enough]).strip()) >= min(need, 1)
        assert len("".join(pieces[:enough])) >= need


@pytest.mark.parametrize(
    ("call", "chatter", "behind", "more"),
    [
        (HI, False, "  said ", ("an", "d")),
        (JSON, False, ' {"a": ', ("1", "2}")),
        (JSON, True, 'Sure: {"a": ', ("1", "2}")),
    ],
)
def test_what_was_said_before_counts_for_nothing(
    call: Call, chatter: bool, behind: str, more: tuple[str, str]
) -> None:
    """Three more characters are wanted, whatever stands before them."""
    proof = Proof(call, 3, chatter=chatter, behind=behind)
    for piece in more:
        assert not proof.shown
        proof.text(piece)

    assert proof.shown


def test_what_was_said_before_may_be_bad_already() -> None:
    """Nothing that comes behind it could make it good."""
    with pytest.raises(WireError):
        Proof(JSON, 1, behind="Sure")


def test_where_a_call_is_required_words_before_it_do_not_matter() -> None:
    """They prove nothing, wherever they stand."""
    proof = Proof(REQUIRED, 1, behind="I will look")
    proof.text(" it up")

    assert not proof.shown
