"""racer/batch/orders.py: the options of a batch are read, and whatever is wrong is said with the remedy."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from racer.batch.formats import Form
from racer.batch.order import Order
from racer.batch.orders import MOST_AT_ONCE, form_named, order_of, rate_of
from racer.core.options import Options
from racer.errors import BadRequest


def read(prompts: object = ("Hi",), out: Any = None, target: object = None, **options: Any) -> Order:
    return order_of(prompts, out, options, None, target)  # type: ignore[arg-type] # whatever a user gives


def test_nothing_said() -> None:
    """Of an order of which nothing is said, everything is as it is documented."""
    order = read(["Hi"])
    assert order == Order(["Hi"], Options())
    assert (order.concurrency, order.rate, order.attempts, order.max_errors) == (64, None, 5, None)
    assert (order.deadline, order.sinks, order.column) == (float("inf"), (), "prompt")


def test_everything_said(tmp_path: Path) -> None:
    """What is the job's is taken out of what is each line's."""
    pipe = BytesIO()
    order = read(
        Path("-"), str(tmp_path / "out.jsonl"), system="Be brief.", format="text", column="q", piped=pipe,
        concurrency=7, rate="2/s", attempts=2, max_errors=0, deadline=60, sinks=[print, repr],
        accept_changes=True, errors_only=True, temperature=0.5, policy="one",
    )  # fmt: skip
    assert order.options == {"temperature": 0.5, "policy": "one"}
    assert order.out == tmp_path / "out.jsonl"
    assert (order.system, order.form, order.column, order.piped) == ("Be brief.", Form.TEXT, "q", pipe)
    assert (order.concurrency, order.rate, order.attempts, order.max_errors) == (7, 2.0, 2, 0)
    assert (order.deadline, order.sinks) == (60.0, (print, repr))
    assert (order.restart, order.accept_changes, order.errors_only) == (False, True, True)


@pytest.mark.parametrize(
    "name",
    ["concurrency", "rate", "attempts", "max_errors", "system", "format", "column", "piped", "sinks",
     "restart", "accept_changes", "errors_only", "deadline", "wait"],
)  # fmt: skip
def test_none_is_not_said(name: str) -> None:
    """An option that is None is one that was not given, and nothing of it is left for the lines."""
    assert read(["Hi"], **{name: None}) == Order(["Hi"], Options())


def test_what_it_is_read_into() -> None:
    """A schema is kept as it is, a type by its name: both tell one job from another."""
    assert read(target={"type": "object"}).into_name == {"type": "object"}
    assert read(target=int).into_name == str(int)
    assert read().into_name is None


def test_one_sink() -> None:
    """A single one need not be in a list."""
    assert read(sinks=print).sinks == (print,)


@pytest.mark.parametrize(
    ("given", "rate"),
    [(600, 10.0), (0.5, 0.5 / 60), ("600", 10.0), ("10/s", 10.0), ("10 / sec", 10.0), ("90/min", 1.5),
     ("36/h", 0.01), ("1.5/m", 0.025), ("86400/d", 1.0)],
)  # fmt: skip
def test_rate(given: object, rate: float) -> None:
    """A number is lines a minute; a text says of what."""
    assert rate_of(given) == pytest.approx(rate)


@pytest.mark.parametrize(
    "given",
    [
        0,
        -1,
        True,
        float("nan"),
        float("inf"),
        10**400,
        "",
        "fast",
        "10/week",
        "-1/s",
        "0/s",
        "1e3",
        "١/s",
        [5],
    ],
)
def test_no_rate(given: object) -> None:
    """What is no rate is refused with two that are."""
    with pytest.raises(BadRequest, match=r"rate is .*such as 600, or a text like \"10/s\""):
        rate_of(given)


def test_form_named() -> None:
    """A form has one name; another is refused with all of them."""
    assert form_named("table") is Form.TABLE
    with pytest.raises(BadRequest, match='format is "xml": use one of requests, prompts, text, table'):
        form_named("xml")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"prompts": "in.jsonl"}, r"prompts is .in.jsonl.: use a list of prompts, for a file, pathlib.Path"),
    ({"prompts": b"Hi"}, "prompts is .*the Path of a file"),
    ({"prompts": 5}, "prompts is (5|an int)"),
    ({"prompts": None}, "prompts is "),
    ({"prompts": {"prompt": "Hi"}}, "prompts is "),
    ({"concurrency": 0}, f"concurrency is 0: use a whole number from 1 to {MOST_AT_ONCE:,}"),
    ({"concurrency": 2.0}, r"concurrency is 2\.0"),
    ({"concurrency": True}, "concurrency is (true|a bool)"),
    ({"attempts": 1001}, "attempts is 1001: use a whole number from 1 to 1,000"),
    ({"max_errors": -1}, "max_errors is -1: use a whole number from 0"),
    ({"rate": "soon"}, "rate is .soon."),
    ({"deadline": 0}, "deadline is 0: use a number of seconds above 0"),
    ({"deadline": float("nan")}, "deadline is "),
    ({"deadline": True}, "deadline is (true|a bool)"),
    ({"deadline": "1h"}, "deadline is .1h."),
    ({"system": 5}, "system is (5|an int): use a text"),
    ({"format": "xml"}, "format is .xml."),
    ({"column": 5}, "column is "),
    ({"sinks": [print, 5]}, "sinks holds (5|an int): use callables"),
    ({"wait": 5.0}, "wait makes no sense here: a batch waits for limits by itself"),
    ({"decide": "token"}, "decide makes no sense here"),
    ({"proof": 5}, "proof makes no sense here"),
    ({"restart": True}, "restart is about an earlier run, and without out= there is none"),
    ({"accept_changes": True}, "accept_changes is about an earlier run"),
    ({"errors_only": True}, "errors_only is about an earlier run"),
    ({"out": "o", "restart": True, "errors_only": True}, "restart begins anew, and errors_only goes on"),
    ({"out": "o", "restart": "no"}, "restart is "),
]


@pytest.mark.parametrize(("given", "why"), WRONG)
def test_wrong(given: dict[str, Any], why: str) -> None:
    """Whatever is wrong names the option, what was found and what to use."""
    with pytest.raises(BadRequest, match=f"(?i){why}"):
        read(**given)
