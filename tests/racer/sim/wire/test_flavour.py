"""The table of flavours."""

from __future__ import annotations

import pytest

from racer.sim.wire.flavour import FLAVOURS
from racer.sim.wire.openai_headers import STYLES
from racer.sim.wire.openai_shapes import SHAPES


@pytest.mark.parametrize("name", sorted(FLAVOURS))
def test_each_flavour_names_what_exists(name: str) -> None:
    """Its form of errors and its headers are known, and its keep-alive is a comment."""
    flavour = FLAVOURS[name]

    assert flavour.shape in SHAPES
    assert flavour.headers in {*STYLES, "openrouter", ""}
    assert flavour.comment.startswith(b":")


def test_flavours_are_the_catalogues_names() -> None:
    """A provider of one of these names needs no flavour written down."""
    names = {
        "openai",
        "groq",
        "openrouter",
        "mistral",
        "cerebras",
        "sambanova",
        "together",
        "nvidia",
        "ollama",
    }

    assert FLAVOURS.keys() == names | {"generic"}
