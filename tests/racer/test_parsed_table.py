"""`into=` as a whole: replies as models write them, against every kind of target.

The right value, or the right place of the misfit: whatever stands around the JSON, whoever reads it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, NotRequired, Optional, TypedDict, cast

import msgspec
import pydantic
import pydantic.v1
import pytest

from racer.core.into import Misfit, fit
from racer.parsed import into_of


class StructStep(msgspec.Struct):
    what: str
    amount: int


class Struct(msgspec.Struct):
    name: str
    steps: list[StructStep]
    tags: dict[str, int] = {}
    note: str | None = None


@dataclass
class PlainStep:
    what: str
    amount: int


@dataclass
class Plain:
    name: str
    steps: list[PlainStep]
    tags: dict[str, int] | None = None
    note: str | None = None


class TableStep(TypedDict):
    what: str
    amount: int


class Table(TypedDict):
    name: str
    steps: list[TableStep]
    tags: NotRequired[dict[str, int]]
    note: NotRequired[str | None]


class ModelStep(pydantic.BaseModel):
    what: str
    amount: int


class Model(pydantic.BaseModel):
    name: str
    steps: list[ModelStep]
    tags: dict[str, int] = {}
    note: str | None = None


class OldStep(pydantic.v1.BaseModel):
    what: str
    amount: int


class Old(pydantic.v1.BaseModel):
    name: str
    steps: list[OldStep]
    tags: dict[str, int] = {}
    note: Optional[str] = None  # noqa: UP045 - their checks know this form alone


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"what": {"type": "string"}, "amount": {"type": "integer"}},
                "required": ["what", "amount"],
            },
        },
        "tags": {"type": "object", "additionalProperties": {"type": "integer"}},
        "note": {"type": ["string", "null"]},
    },
    "required": ["name", "steps"],
}

TARGETS: dict[str, Any] = {
    "Struct": Struct,
    "dataclass": Plain,
    "TypedDict": Table,
    "pydantic 2": Model,
    "pydantic 1": Old,
    "schema": SCHEMA,
}

SOUP: dict[str, Any] = {"name": "Soup", "steps": [{"what": "water", "amount": 2}]}
J = json.dumps(SOUP)
PRETTY = json.dumps(SOUP, indent=2)


def soup(**changes: Any) -> str:
    return json.dumps({**SOUP, **changes}, ensure_ascii=False)


def steps(*given: Any) -> str:
    return soup(steps=list(given))


ONE = {"what": "salt", "amount": 1}
BOM = "\ufeff"
HUGE = [{"what": f"step {n} " + "x" * 200, "amount": n} for n in range(20_000)]

FITS: list[tuple[str, str, dict[str, Any]]] = [
    ("bare", J, {}),
    ("indented", PRETTY, {}),
    ("blanks around", f"\n\n  {J}\t\n", {}),
    ("a byte order mark", BOM + J, {}),
    ("a fence", f"```json\n{PRETTY}\n```", {}),
    ("a fence without a language", f"```\n{J}\n```", {}),
    ("a fence in capitals", f"```JSON\n{J}\n```", {}),
    ("a fence of tildes", f"~~~json\n{J}\n~~~", {}),
    ("a fence of four", f"````\n{J}\n````", {}),
    ("a fence that is open", f"```json\n{J}", {}),
    ("a fence on one line", f"```json{J}```", {}),
    ("a fence in Windows lines", f"```json\r\n{J}\r\n```\r\n", {}),
    ("a fence amid chatter", f"Here is your recipe:\n\n```json\n{PRETTY}\n```\n\nEnjoy!", {}),
    ("a fence after another", f"```sh\nmake soup\n```\n```json\n{J}\n```", {}),
    ("a fence after a draft", f'A draft: {{"name": "x", "steps": []}}\n```\n{J}\n```', {}),
    ("a prefix", f"Sure! {J}", {}),
    ("a prefix with brackets", f"As in [1] and {{braces}}: {J}", {}),
    ("a prefix with a template", f'In the form {{"name": ..., "steps": [...]}}: {J}', {}),
    ("a suffix", f"{J}\nLet me know if you need more [or less].", {}),
    ("both", f"Answer: {J} Done.", {}),
    ("thoughts before", f"<think>soup, {{1}}?</think>{J}", {}),
    ("two answers", f"{J}\n{soup(name='Stew')}", {}),
    ("an answer after a misfit", f'{{"name": 1}} is wrong. {J}', {}),
    ("an answer before a cut", f'{J} and {{"name": "St', {}),
    ("an extra key", soup(cook="me"), {}),
    ("an extra key within", steps({**ONE, "unit": "g"}), {"steps": [ONE]}),
    ("an extra key that is deep", soup(more=[[[{"a": [{}]}]]]), {}),
    ("no steps", soup(steps=[]), {"steps": []}),
    ("all keys", soup(tags={"hot": 1}, note="n"), {"tags": {"hot": 1}, "note": "n"}),
    ("null where it may be", soup(note=None), {"note": None}),
    ("keys in another order", '{"steps": [], "name": "Soup"}', {"steps": []}),
    ("a key twice", '{"name": "x", "steps": [], "name": "Soup"}', {"steps": []}),
    ("unicode", soup(name="Süppchen 🍲 日本"), {"name": "Süppchen 🍲 日本"}),
    ("escaped unicode", '{"name": "\\ud83c\\udf72", "steps": []}', {"name": "🍲", "steps": []}),
    ("unicode chatter", f"Voilà 🍲 «{soup(name='é')}» 🍲", {"name": "é"}),
    ("braces in a text", soup(name='}{"]['), {"name": '}{"]['}),
    ("a fence in a text", soup(name="```json\n{}\n```"), {"name": "```json\n{}\n```"}),
    ("a fence in a fenced text", f"```json\n{soup(name='```')}\n```", {"name": "```"}),
    ("deep, and nobody asked", soup(more=json.loads("[" * 150 + "]" * 150)), {}),
    ("huge", soup(steps=HUGE), {"steps": HUGE}),
    ("huge amid chatter", f"Here: {soup(steps=HUGE)} Bye", {"steps": HUGE}),
]

WRONG: list[tuple[str, str, str]] = [
    ("a text for a number", steps(ONE, {**ONE, "amount": "two"}), "$.steps[1].amount: "),
    ("a list for a number", steps({**ONE, "amount": [1]}), "$.steps[0].amount: "),
    ("a list for a text", soup(name=["Soup"]), "$.name: "),
    ("an object for a list", soup(steps={"a": 1}), "$.steps: "),
    ("a text for an object", steps(ONE, ONE, "stir"), "$.steps[2]: "),
    ("null where it may not be", soup(name=None), "$.name: "),
    ("a wrong value of a table", soup(tags={"a": 1, "b c": []}), '$.tags["b c"]: '),
    ("a missing key", '{"name": "Soup"}', '$: the key "steps" is missing'),
    ("a missing key within", steps(ONE, {"what": "x"}), '$.steps[1]: the key "amount" is missing'),
    ("a list of it", f"[{J}]", "$: expected object, got array"),
    ("an empty list", "[]", "$: expected object, got array"),
    ("a number", "5", "$: expected object, got int"),
    ("null", "null", "$: expected object, got null"),
    ("a JSON text of it", json.dumps(J), "$: expected object, got str"),
    ("wrong in a fence", f"Here:\n```json\n{soup(name=[])}\n```", "$.name: "),
    ("wrong, after a footnote", f"As in [1]: {soup(name=[])}", "$.name: "),
    ("wrong and huge", soup(steps=[*HUGE, {"what": "x" * 100_000, "amount": []}]), "$.steps[20000].amount: "),
    ("cut off", J[:-5], "the JSON is not complete"),
    ("cut off in a text", '{"name": "So', "the JSON is not complete"),
    ("cut off in a fence", f"```json\n{J[:-2]}", "the JSON is not complete"),
    ("cut off behind chatter", f"As in [1]: {J[:-1]}", "the JSON is not complete"),
    ("a trailing comma", '{"name": "Soup", "steps": [],}', "the reply is not JSON at character "),
    ("other quotes", "{'name': 'Soup', 'steps': []}", "the reply is not JSON at character 2: "),
    ("bare keys", '{name: "Soup", steps: []}', "the reply is not JSON at character 2: "),
    ("a comment", '{"name": "Soup", // nice\n"steps": []}', "the reply is not JSON at character "),
    ("chatter alone", "I am sorry, I cannot cook.", "no JSON in the reply"),
    ("nothing", "", "no JSON in the reply"),
    ("brackets without end", "[" * 1_000_000, "the reply is not JSON at character "),
]


def plain(value: object) -> Any:
    """Any of the kinds as a table, without what was not given."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    elif isinstance(value, pydantic.BaseModel):
        value = value.model_dump()
    elif isinstance(value, pydantic.v1.BaseModel):
        value = value.dict()
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    table = {key: part for key, part in cast("dict[str, Any]", value).items() if part}
    if "steps" in table:
        table["steps"] = [{"what": step["what"], "amount": step["amount"]} for step in table["steps"]]
    return table


def test_the_table_is_long_enough() -> None:
    """Sixty replies for every kind of target."""
    assert len(FITS) + len(WRONG) >= 60
    assert len({row[0] for row in (*FITS, *WRONG)}) == len(FITS) + len(WRONG)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize(("text", "changes"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_the_right_one_wins(kind: str, text: str, changes: dict[str, Any]) -> None:
    """A value of the kind that was asked for."""
    target = TARGETS[kind]

    value = fit(text, into_of(target), cut_off=False)

    found = {key: part for key, part in plain(value).items() if key not in ("cook", "more")}
    assert found == plain({**SOUP, **changes})
    assert isinstance(value, dict if kind in ("TypedDict", "schema") else target)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize(("text", "told"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_the_right_place_is_named(kind: str, text: str, told: str) -> None:
    """In one short line."""
    with pytest.raises(Misfit) as caught:
        fit(text, into_of(TARGETS[kind]), cut_off=False)

    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) < 350
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", TARGETS)
def test_a_cut_by_length_is_told_as_that(kind: str) -> None:
    """There is a remedy."""
    with pytest.raises(Misfit, match=r"^cut off in mid-JSON: allow more max_tokens$"):
        fit(J[:-5], into_of(TARGETS[kind]), cut_off=True)


class ShutStruct(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class ShutModel(pydantic.BaseModel, extra="forbid"):
    a: int


class ShutOld(pydantic.v1.BaseModel, extra="forbid"):
    a: int


SHUT_SCHEMA = {"properties": {"a": {"type": "integer"}}, "additionalProperties": False}


@pytest.mark.parametrize("target", [ShutStruct, ShutModel, ShutOld, SHUT_SCHEMA], ids=str)
def test_an_extra_key_where_the_type_forbids_it(target: Any) -> None:
    """The caller's word, not ours."""
    with pytest.raises(Misfit, match=r'^\$: the key "b" is not allowed$'):
        fit('{"a": 1, "b": 2}', into_of(target), cut_off=False)
