"""racer/parsed: what may be given as `into=`, and what is refused before anything is sent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, Literal, TypedDict, TypeVar

import msgspec
import pydantic
import pydantic.v1
import pytest

from racer.core.into import Misfit
from racer.errors import BadRequest
from racer.parsed import into_of, name_of

T = TypeVar("T")


class Recipe(msgspec.Struct):
    name: str
    minutes: int = 5


@dataclass
class Plain:
    a: int


class Table(TypedDict):
    a: int


class Model(pydantic.BaseModel):
    a: int


class Box(pydantic.BaseModel, Generic[T]):
    inside: T


@dataclass
class Holder:
    model: Model
    next: Holder | None = None


class Old(pydantic.v1.BaseModel):
    a: int


@pydantic.v1.dataclasses.dataclass
class OldPlain:
    a: int


@dataclass
class OldHolder:
    old: Old


class Bare:
    pass


@dataclass
class Caller:
    call: Callable[[], int]


class CallerModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    call: Callable[[], int]


class Angry(msgspec.Struct):
    a: int


class Hooked(pydantic.BaseModel):
    a: int

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: Any) -> Any:
        raise RuntimeError


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "title": "My thing!"}

FINE: list[tuple[Any, str, str, object]] = [
    (Recipe, '{"name":"x"}', "Recipe", Recipe("x")),
    (Plain, '{"a":1}', "Plain", Plain(1)),
    (Table, '{"a":1}', "Table", {"a": 1}),
    (Model, '{"a":1}', "Model", Model(a=1)),
    (Box[int], '{"inside":1}', "Box_int", Box[int](inside=1)),
    (Holder, '{"model":{"a":1}}', "Holder", Holder(Model(a=1))),
    (Old, '{"a":1}', "Old", Old(a=1)),
    (list[Recipe], '[{"name":"x"}]', "list_Recipe", [Recipe("x")]),
    (list[Model], '[{"a":1}]', "list_Model", [Model(a=1)]),
    (dict[str, int], '{"a":1}', "dict_str_int", {"a": 1}),
    (Recipe | None, "null", "UnionType_Recipe_NoneType", None),
    (Literal["yes", "no"], '"yes"', "Literal_yes_no", "yes"),
    (int, "5", "int", 5),
    (bool, "true", "bool", True),
    (dict, '{"a":[1]}', "dict", {"a": [1]}),
    (SCHEMA, '{"a":1,"b":2}', "My_thing", {"a": 1, "b": 2}),
    (MappingProxyType(SCHEMA), '{"a":1}', "My_thing", {"a": 1}),
    ({}, "[1]", "reply", [1]),
]


@pytest.mark.parametrize(("target", "text", "name", "value"), FINE, ids=[row[2] for row in FINE])
def test_what_may_be_given(target: Any, text: str, name: str, value: object) -> None:
    """Types of any kind, and schemas; what is sent has a name that providers take."""
    into = into_of(target)

    assert into.target is target
    assert (into.shape.kind, into.shape.name) == ("schema", name)
    assert into.read(text) == value


WRONG: list[tuple[Any, str]] = [
    (None, "into is missing: give a msgspec Struct, a dataclass"),
    (5, "into is an int, not a type"),
    ("Recipe", 'into is "Recipe": give'),
    ("x" * 1000, 'into is "' + "x" * 40 + '…": give'),
    (b"x", "into is a bytes, not a type"),
    (len, "into is a builtin_function_or_method (len)"),
    (lambda: 1, "into is a function (<lambda>)"),
    (sys, "into is a module (sys)"),
    (Bare(), "into is a Bare, not a type"),
    (Recipe("x"), "into is a Recipe, not a type"),
    (Model(a=1), "into is a Model, not a type"),
    (Old(a=1), "into is an Old, not a type"),
    ([Recipe], "into is a list, not a type"),
    (str, "into is str: leave it out"),
    (Bare, "into is Bare, which cannot be read from JSON (type <class"),
    (object, "into is object, which cannot be read"),
    (Caller, "into is Caller, which cannot be read from JSON (type <class 'collections.abc.Callable'>"),
    (CallerModel, "into is CallerModel, which cannot be read from JSON (Cannot generate a JsonSchema"),
    (Hooked, "into is Hooked, which cannot be read from JSON (RuntimeError)"),
    (list[Bare], "into is list[Bare], which cannot be read"),
    (Recipe | Angry, "all Struct types must be tagged"),
    (list["Nowhere"], "into is list[Nowhere], which"),  # type: ignore[name-defined] # noqa: F821
    (list[Old], "models of pydantic v1 cannot be part of another type"),
    (OldHolder, "models of pydantic v1 cannot be part of another type"),
    (OldPlain, "dataclasses of pydantic v1 are not read"),
    ({"type": "thing"}, "into is no JSON schema that can be used. $.type: 'thing'"),
]


@pytest.mark.parametrize(("target", "why"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_what_may_not(target: Any, why: str) -> None:
    """It is named, and the remedy with it, in one short line."""
    with pytest.raises(BadRequest) as caught:
        into_of(target)

    assert why in str(caught.value)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


class Raising(msgspec.Struct):
    a: int

    def __post_init__(self) -> None:
        if self.a == 1:
            raise KeyError("x" * 1_000)
        if self.a == 2:
            raise RecursionError
        raise MemoryError


def test_what_a_hook_raises_is_a_misfit() -> None:
    """It is the reply's fault as far as anyone can tell, and it ends a lane and not the race."""
    read = into_of(Raising).read

    with pytest.raises(Misfit, match=r"^\$: KeyError: 'x{100,150}…$"):
        read('{"a":1}')
    with pytest.raises(Misfit, match=r"^\$: nested too deep$"):
        read('{"a":2}')
    with pytest.raises(MemoryError):
        read('{"a":3}')


def test_a_type_that_is_nowhere_to_be_found() -> None:
    """What a local name meant is known to nobody later."""

    class Local(msgspec.Struct):
        inner: Inner  # type: ignore[name-defined] # pyright: ignore[reportUndefinedVariable] # noqa: F821

    with pytest.raises(BadRequest, match="name 'Inner' is not defined"):
        into_of(Local)


def test_a_schema_is_copied() -> None:
    """What the caller does with it later changes nothing."""
    given: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
    into = into_of(given)
    given["properties"]["a"]["type"] = "string"

    assert into.read('{"a":1}') == {"a": 1}
    assert isinstance(into.shape.schema, Mapping)
    assert into.shape.schema["properties"] == {"a": {"type": "integer"}}


@pytest.mark.parametrize(
    ("target", "name"),
    [(Recipe, "Recipe"), (dict[str, list[Recipe]], "dict[str, list[Recipe]]"), (5, "5")],
)
def test_names(target: object, name: str) -> None:
    """Without the module."""
    assert name_of(target) == name


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("", set[str]()),
        ("from dataclasses import make_dataclass\ninto_of(make_dataclass('D', [('a', int)]))", {"msgspec"}),
        ("into_of({'type': 'object'})", {"jsonschema"}),
    ],
)
def test_a_library_is_loaded_when_it_is_needed(statement: str, loaded: set[str]) -> None:
    """And pydantic by nobody but the caller."""
    script = f"import sys\nfrom racer.parsed import into_of\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert {"msgspec", "jsonschema", "pydantic"} & set(done.stdout.split()) == loaded
