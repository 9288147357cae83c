"""The public names: a list that the documents name in full, and nothing beside it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import racer
import racer_adapters
from racer import errors

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent
MOST_NAMES = 20


def public(module: ModuleType) -> set[str]:
    """What a user sees in `module`, its own submodules left out."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    }


def test_racer_exports_what_it_lists() -> None:
    """`racer.__all__` is exactly what can be imported from racer: sorted, once each, and few."""
    for name in racer.__all__:
        assert getattr(racer, name) is not None
    tools = {"import_module", "TYPE_CHECKING", "Any"}
    assert set(racer.__all__) == public(racer) - tools
    assert set(racer.__all__) <= set(dir(racer))
    assert sorted(set(racer.__all__)) == sorted(racer.__all__)
    assert len(racer.__all__) <= MOST_NAMES


def test_no_other_name_is_there() -> None:
    """A name that racer does not have is an AttributeError, as anywhere."""
    with pytest.raises(AttributeError, match="no attribute 'Raser'"):
        getattr(racer, "Raser")  # noqa: B009 - for checkers there is no such name, and that is right


def test_every_error_is_public() -> None:
    """Whatever racer raises can be caught by a name from `racer`."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    tree = {each.__name__ for each in classes if issubclass(each, racer.RacerError)}

    assert tree <= set(racer.__all__)


def test_adapters_list_names_that_exist() -> None:
    """`racer_adapters.__all__` holds names that can be imported."""
    assert set(racer_adapters.__all__) <= public(racer_adapters)


@pytest.mark.parametrize("name", racer.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """Each public name stands in the README or in docs/, and has a docstring."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

    assert inspect.getdoc(getattr(racer, name))
    assert any(re.search(rf"\b{name}\b", page.read_text()) for page in pages)
