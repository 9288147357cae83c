"""The description of the routes: all of them, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from racer.server.app import ROUTES
from racer.server.openapi import DOCUMENT, PATHS
from racer.testing import fails, says
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import CHAT, said
from tests.racer.server.rooms import get, kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What has its description and is not served yet.
LATER: set[tuple[str, str]] = set()
_NAME = re.compile(r"\{\w+\}\Z")


def described() -> set[tuple[str, str]]:
    return {(method.upper(), _NAME.sub("*", path)) for path, methods in PATHS.items() for method in methods}


def operations() -> Iterator[tuple[str, Any]]:
    for path, methods in PATHS.items():
        for operation in methods.values():
            yield path, operation


def test_it_is_valid() -> None:
    """By a reader of such documents."""
    errors = list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors())

    assert errors == []


def test_every_route_is_described() -> None:
    """And no route that is not served, but for those that are to come."""
    served = {(route.method, route.path) for route in ROUTES}

    assert served - described() == set()
    assert described() - served <= LATER


def test_who_may_ask() -> None:
    """What is public in the table of routes is public here."""
    public = {route.path for route in ROUTES if route.public}

    found = {path for path, operation in operations() if operation.get("security") == []}
    assert {_NAME.sub("*", path) for path in found} == public


def test_names() -> None:
    """Each operation has one of its own."""
    names = [operation["operationId"] for _, operation in operations()]

    assert len(set(names)) == len(names)


def faults(body: Any, schema: Any) -> list[str]:
    """What of `body` is not as `schema` says, which may refer to others of the description."""
    reader: Any = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message}" for error in reader.iter_errors(body)]


def checked(body: object, path: str, status: int, method: str = "get") -> None:
    """`body` is what the description of an answer says."""
    responses = PATHS[path][method]["responses"]
    schema = responses.get(str(status), responses["default"])["content"]["application/json"]["schema"]
    assert faults(body, schema) == []


@pytest.mark.anyio
@pytest.mark.real_time
async def test_answers_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    """Each JSON page, with races and failures in it."""
    rate = fails(WireError(Kind.RATE, "slow down", status=429))
    async with kept(tmp_path, {"a": [says("hello"), rate]}) as place:
        _, body, headers = await place.ask()
        checked(body, CHAT, 200, "post")
        status, body, _ = await place.ask()
        checked(body, CHAT, status, "post")
        race = headers["x-racer-race-id"]
        for path, known in (
            ("/v1/models", "/v1/models"),
            ("/v1/models/auto", "/v1/models/{model}"),
            ("/v1/models/nobody", "/v1/models/{model}"),
            ("/api/health", "/api/health"),
            ("/api/usage?saved=1&forecast=1", "/api/usage"),
            ("/api/usage?since=x", "/api/usage"),
            ("/api/races", "/api/races"),
            (f"/api/races/{race}", "/api/races/{id}"),
            ("/api/races/zz", "/api/races/{id}"),
            ("/livez", "/livez"),
            ("/readyz", "/readyz"),
            ("/openapi.json", "/openapi.json"),
        ):
            status, body = await get(place, path)
            checked(body, known, status)


def test_a_question_is_what_it_is_said_to_be() -> None:
    """The body that tests ask with."""
    schema = PATHS[CHAT]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert faults(said(stream=True, n=1), schema) == []
    assert faults(said(n=2), schema) != []
