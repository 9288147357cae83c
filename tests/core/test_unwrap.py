"""racer/core/unwrap.py: the JSON in a reply that says more."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.unwrap import MOST_STARTS, candidates, flaw

ONE = '{"a": 1}'

LONG = json.dumps(["x" * 5_000])
GLANCE = json.dumps(["x" * 4_092])

WRAPPED: list[tuple[str, str, list[str]]] = [
    ("bare", ONE, [ONE]),
    ("with blanks around", f" \n{ONE}\r\n\t", [ONE]),
    ("with a byte order mark", f"\ufeff{ONE}", [ONE]),
    ("a number", " 5 ", ["5"]),
    ("a text", '"a"', ['"a"']),
    ("null", "null", ["null"]),
    ("in a fence", f"```json\n{ONE}\n```", [ONE]),
    ("in a fence without a language", f"Here:\n```\n{ONE}\n```\nThat is it.", [ONE]),
    ("in a fence of tildes", f"~~~\n{ONE}\n~~~", [ONE]),
    ("in a longer fence", f"````json\n{ONE}\n````", [ONE]),
    ("in a fence that is set in", f"1. So:\n   ```json\n   {ONE}\n   ```", [ONE]),
    ("in a quoted fence", f"> ```json\n{ONE}\n> ```", [ONE]),
    ("in a fence that is never closed", f"```json\n{ONE}\n", [ONE]),
    ("in a fence on one line", f"```json {ONE}```", [ONE]),
    ("a number in a fence", "The answer is:\n```\n5\n```", ["5"]),
    ("behind chatter", f"Sure! {ONE}", [ONE]),
    ("before chatter", f"{ONE} I hope this helps.", [ONE]),
    ("amid chatter", f"So {ONE}, as asked.", [ONE]),
    ("an array amid chatter", "So [1, 2], as asked.", ["[1, 2]"]),
    ("two", f'{ONE} or {{"b": 2}}', [ONE, '{"b": 2}']),
    ("twice the same", f"{ONE} and again {ONE}", [ONE]),
    ("the fenced one first", f'As {{"x": 0}} says:\n```json\n{ONE}\n```', [ONE, '{"x": 0}']),
    ("two fences", f'```\n{ONE}\n```\n```\n{{"b": 2}}\n```', [ONE, '{"b": 2}']),
    ("a fence that holds no JSON", f"```python\nprint()\n```\n{ONE}", [ONE]),
    ("a fence in a text", json.dumps({"a": "```json\n[1]\n```"}), [json.dumps({"a": "```json\n[1]\n```"})]),
    ("behind a brace in prose", f"Use {{braces}} and [brackets]: {ONE}", [ONE]),
    ("in a brace in prose", f"{{see {ONE}}}", [ONE]),
    ("behind a template", f'Like {{"a": ..., "b": [1]}}: {ONE}', [ONE]),
    ("in a fence behind a stray bracket", f'["so it is.\n```\n{ONE}\n```', [ONE]),
    ("behind a bracket that is never closed", f"From [0, 1):\n\n{ONE}", [ONE]),
    ("behind an interval on its line", f"For x in [0, 1) we have {ONE}", [ONE]),
    ("behind what a sentence opens", 'set {"a" or [1, 2 then {"abc": 1}', ['{"abc": 1}']),
    ("behind a quote that is not closed", f'He said {{"hello and left.\n{ONE}', [ONE]),
    ("behind many footnotes", "[1] " * 60 + ONE, ["[1]", ONE]),
    ("behind many and long ones", f"{LONG} " * 40 + ONE, [LONG, ONE]),
    ("behind one of just a glance", f"{GLANCE} {ONE}", [GLANCE, ONE]),
    ("behind a footnote", f"As said [1]: {ONE}", ["[1]", ONE]),
    ("unicode", 'Voilà 😀: {"é😀": "日本"} 😀', ['{"é😀": "日本"}']),
    ("an empty object", "So: {}", ["{}"]),
    ("an empty array", "So: [ ]", ["[ ]"]),
    ("literals", "So: [true, null]", ["[true, null]"]),
]


@pytest.mark.parametrize(("text", "found"), [row[1:] for row in WRAPPED], ids=[row[0] for row in WRAPPED])
def test_json_is_found(text: str, found: list[str]) -> None:
    """As it stands there, each document once, in this order."""
    assert list(candidates(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "no JSON at all",
        '{"a": 1',
        '{"a": {"b": 1}',
        '[{"a": 1}, {"a": 2',
        '[{"a": 1}, {"a": 2,}, {"a": 3}]',
        '[{"a": 1}, {"a": 2,}, {"a": 3}',
        '["so it is. {"a": 1}',
        '{"a": {"b": 1}, oops}',
        "{'a': [1]}",
        "{a: [1]}",
        "['a', [1]]",
        "From [0, 1) comes [1]",
        "From [0, 1)\n[2, 3)\n[4]",
        'So: {"name": Soup, "steps": [{"a": 1}',
        'So: {"name" = "Soup", "step": {"a": 1}',
        'So: [{"a": 1,}, {"abcdefghi": 1}',
        "[NaN]",
        '["\\ud800"]',
        '"\ud800"',
        '{"a": "\ud800"}',
    ],
)
def test_what_is_in_no_whole_document_is_none(text: str) -> None:
    """A part of a broken or unfinished one looks like an answer, and is another."""
    assert list(candidates(text)) == []


@pytest.mark.parametrize(
    ("text", "length", "at", "incomplete"),
    [
        ('{"a": 1', 7, 7, True),
        ('So: {"a": 1', 7, 11, True),
        ("So: {", 1, 5, True),
        ('{"a": 1,}', 7, 7, False),
        ('x [1 2] {"a": tru', 9, 17, True),
        ('[1, 2, 3 4] {"a', 8, 8, False),
    ],
)
def test_the_longest_flaw_is_told(text: str, length: int, at: int, incomplete: bool) -> None:
    """With its place in the text; a document that the text ends in is incomplete."""
    found = flaw(text)

    assert found is not None
    assert abs(found.length - length) <= 1  # the parser counts to the sign before or after
    assert abs(found.at - at) <= 1
    assert found.incomplete is incomplete


@pytest.mark.parametrize("text", ["", "nothing", ONE, f"{ONE} and {ONE}", "{see}"])
def test_no_flaw(text: str) -> None:
    """Where nothing begins as JSON, or all of it is whole."""
    assert flaw(text) is None


HUGE: list[tuple[str, str]] = [
    ("brackets", "[" * 1_000_000),
    ("objects", '{"a":' * 200_000),
    ("spaced brackets", "[ " * 500_000),
    ("broken and deep", "[1 x" * 300_000),
    ("broken by lines", "[1 x\n" * 200_000),
    ("brackets of prose", "a [1 x " * 500_000),
    ("few brackets of prose, far apart", "a [1 " + ("x " * 500 + "[1 ") * 5_000),
    ("quotes of prose", 'a {"a" x ' * 500_000),
    ("one long bracket of prose", "a [1 " + "x" * 2_000_000),
    ("broken and wide", "[1 x" * 60 + "{}" * 500_000),
    ("many documents", f"{ONE} x " * 100_000),
    ("fences", "```json\n" * 200_000),
    ("unlike fences", "~~~a\n" * 200_000),
    ("quotes", '["a" "' * 200_000),
    ("one quote", '["a" "' + "x" * 2_000_000),
    ("escapes", '["a" "' + "\\" * 1_000_001),
    ("braces", "{" * 1_000_000),
    ("blanks", "{" + " " * 2_000_000),
]


@pytest.mark.parametrize("text", [row[1] for row in HUGE], ids=[row[0] for row in HUGE])
def test_the_work_is_bounded(text: str) -> None:
    """Whatever a model has run away with: no recursion, and no time that grows with its square."""
    began = process_time()

    found = list(candidates(text))
    flaw(text)

    assert len(found) <= MOST_STARTS
    assert process_time() - began < 5


def test_a_huge_document_amid_chatter_is_found() -> None:
    """Ten million characters."""
    document = json.dumps({"a": ["x" * 1_000] * 10_000})

    assert list(candidates(f"Here it is: {document} Bye.")) == [document]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    ),
    st.sampled_from(["", "So: ", "```json\n", "As [1] says "]),
)
def test_any_object_is_found_behind_chatter(value: object, before: str) -> None:
    """Whatever it holds: quotes, brackets and fences in its texts are its own."""
    document = json.dumps({"value": value})

    assert document in list(candidates(f"{before}{document}\n```\nBye"))


@given(st.text(alphabet='{}[]",:1a \\`~\n') | st.text())
def test_any_text_is_read(text: str) -> None:
    """What is found is JSON, always."""
    for found in candidates(text):
        json.loads(found)
    flaw(text)
