"""The schemas of bodies."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from racer.server.openapi import PATHS
from racer.server.openapi_bodies import SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas(name: str) -> None:
    """Each is one, is used, and says what it is of."""
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert f"'#/components/schemas/{name}'" in f"{PATHS}{SCHEMAS}"
    assert SCHEMAS[name]["type"] == "object"
