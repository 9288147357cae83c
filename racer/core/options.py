"""The options of a race: read, checked, and told apart into what is asked, of whom, and by which rules.

Everything wrong is found here, before anything is sent, and said as BadRequest with the remedy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from racer.core.duration import seconds
from racer.core.heat import Rules
from racer.core.plan import POLICIES, Policy
from racer.core.rank import TASKS, Wishes
from racer.errors import BadRequest
from racer_adapters.messages import (
    parse_extra,
    parse_messages,
    parse_response_format,
    parse_tool_choice,
    parse_tools,
)
from racer_adapters.placed import shown, text
from racer_adapters.types import Call

if TYPE_CHECKING:
    from racer.core.into import Into
    from racer.core.reply import Reply

Validator = Callable[["Reply[Any]"], "bool | Awaitable[bool | None] | None"]
Messages = str | Sequence[Mapping[str, Any]]
MOST_LANES = 64
MOST_ATTEMPTS = 1000
MOST_PROOF = 1_000_000
LONGEST_KEPT = 1e9  # seconds


class Options(TypedDict, total=False):
    """Keyword options of `race` and `Racer.race`, beside `into`; docs/options.md says what each means."""

    lanes: int
    policy: Literal["all", "frugal", "one"]
    deadline: float
    wait: float
    attempts: int
    decide: Literal["reply", "token"]
    proof: int
    private: bool
    only: str | Sequence[str]
    exclude: str | Sequence[str]
    prefer: str | Sequence[str]
    task: Literal["chat", "fast", "deep", "creative", "code"]
    valid: Validator | Sequence[Validator]
    max_tokens: int
    temperature: float
    top_p: float
    stop: str | Sequence[str]
    seed: int
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]
    response_format: Mapping[str, Any]
    cache: float | str | Literal[False]
    extra: Mapping[str, Any]


class StreamOptions(Options, total=False):
    """Those of `Racer.stream`. It is always decided by what a lane has shown, whatever `decide` says."""

    resume: bool


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the caller says nothing: `[race]` of the configuration, and its `[cache]` ttl."""

    lanes: int = 4
    policy: str = "all"
    extra: float = 0.25
    max_tax: float | None = None
    spare_last: bool = True
    deadline: float = 60.0
    wait: float = 0.0
    per_provider: int = 1
    local_lanes: int = 1
    cache: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One question with everything that was said about it. `cache`: how old a reply may be, if at all.

    `proof`: so many characters of a lane decide the race; None: a whole valid reply does.
    """

    call: Call
    rules: Rules
    policy_name: str
    policy: Policy
    wishes: Wishes = field(default_factory=Wishes)
    valid: tuple[Validator, ...] = ()
    cache: float | None = None
    proof: int | None = None
    into: Into | None = None
    resume: bool = False


def read(messages: Messages, options: Options, defaults: Defaults, into: Into | None = None) -> Ask:
    """Raises BadRequest naming the option, what was found and what is allowed."""
    _know(options, Options.__annotations__)
    try:
        name = _one_of("policy", options.get("policy", defaults.policy), POLICIES)
        call, rules = _call(messages, options), _rules(options, defaults)
        cache, proof = _cache(options, defaults), _proof(options)
        _agree(call, into)
        return Ask(call, rules, name, POLICIES[name], _wishes(options), _valid(options), cache, proof, into)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def read_stream(
    messages: Messages, options: StreamOptions, defaults: Defaults, into: Into | None = None
) -> Ask:
    """The same for a race that is read along."""
    _know(options, StreamOptions.__annotations__)
    resume = _switch("resume", options.get("resume", False))
    plain: Any = {name: value for name, value in options.items() if name != "resume"}
    _proof(plain)  # what decides is said to be wrong where it is, though it does not matter here
    ask = read(messages, plain | {"decide": "token"}, defaults, into)
    if resume and ask.call.tools:
        raise BadRequest("resume is asked for with tools: a call of a tool cannot be gone on with half-way")
    return replace(ask, rules=replace(ask.rules, read=True), resume=resume)


def _know(options: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    if unknown := sorted(set(options) - set(known)):
        names = ", ".join((*known, "into"))
        raise TypeError(f"unknown option {unknown[0]!r}; the options are {names}")


def _agree(call: Call, into: Into | None) -> None:
    if into is not None and call.shape is not None:
        raise BadRequest("into and response_format are both given: into says the form already")


def _proof(options: Options) -> int | None:
    proof = _whole("proof", options.get("proof", 1), 1, MOST_PROOF)
    decide = _one_of("decide", options.get("decide", "reply"), ("reply", "token"))
    return proof if decide == "token" else None


def _call(messages: Messages, options: Options) -> Call:
    given = cast("Mapping[str, Any]", options)
    tools = parse_tools(given.get("tools"))
    return Call(
        messages=parse_messages(messages),
        max_tokens=_whole("max_tokens", given.get("max_tokens"), 1, 10_000_000),
        temperature=_number("temperature", given.get("temperature"), 0.0, 2.0),
        top_p=_number("top_p", given.get("top_p"), 0.0, 1.0),
        stop=_names("stop", given.get("stop"), kind="texts"),
        seed=_whole("seed", given.get("seed"), -(2**63), 2**63 - 1),
        tools=tools,
        tool_choice=parse_tool_choice(given.get("tool_choice"), tools),
        shape=parse_response_format(given.get("response_format")),
        extra=parse_extra(given.get("extra")),
    )


def _rules(options: Options, defaults: Defaults) -> Rules:
    lanes = _whole("lanes", options.get("lanes", defaults.lanes), 1, MOST_LANES)
    deadline = _number("deadline", options.get("deadline", defaults.deadline), 0.001, 86_400.0)
    wait = _number("wait", options.get("wait", defaults.wait), 0.0, 86_400.0)
    attempts = _whole("attempts", options.get("attempts"), 1, MOST_ATTEMPTS)
    return Rules(
        width=defaults.lanes if lanes is None else lanes,
        deadline=defaults.deadline if deadline is None else deadline,
        wait=defaults.wait if wait is None else wait,
        per_provider=defaults.per_provider,
        local_lanes=defaults.local_lanes,
        attempts=float("inf") if attempts is None else attempts,
    )


def _wishes(options: Options) -> Wishes:
    task = options.get("task")
    return Wishes(
        only=_names("only", options.get("only")),
        exclude=_names("exclude", options.get("exclude")),
        prefer=_names("prefer", options.get("prefer")),
        task=None if task is None else _one_of("task", task, TASKS),
        private=_switch("private", options.get("private", False)),
    )


def _valid(options: Options) -> tuple[Validator, ...]:
    given: object = options.get("valid")
    if given is None:
        return ()
    items = cast("Sequence[object]", given) if isinstance(given, (list, tuple)) else (given,)
    for item in items:
        if not callable(item):
            raise BadRequest(
                f"valid holds {as_found(item)}: use a callable that takes a Reply, or a list of them"
            )
    return cast("tuple[Validator, ...]", tuple(items))


def _cache(options: Options, defaults: Defaults) -> float | None:
    given = options.get("cache")
    if given is None:
        return defaults.cache
    if given is False:
        return None
    found: object = seconds(given) if isinstance(given, str) else given
    if isinstance(found, (int, float)) and not isinstance(found, bool) and 0.001 <= found <= LONGEST_KEPT:
        return float(found)
    raise BadRequest(
        f'cache is {as_found(given)}: use a number of seconds above 0, a text like "24h", or False'
    )


def _one_of(name: str, value: object, allowed: Collection[str]) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    raise BadRequest(f"{name} is {as_found(value)}: use {' or '.join(repr(each) for each in allowed)}")


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is {as_found(value)}: use True or False")
    return value


def _whole(name: str, value: object, least: int, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRequest(f"{name} is {as_found(value)}: use a whole number from {least} to {most}")
    return value


def _number(name: str, value: object, least: float, most: float) -> float | None:
    """NaN is in no range."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise BadRequest(f"{name} is {as_found(value)}: use a number from {least:g} to {most:g}")
    return float(value)


def as_found(value: object) -> str:
    """A number as it is, unless it would fill the page; of anything else its beginning or its type."""
    small = isinstance(value, int) and abs(value) < 10**20
    return repr(value) if small or isinstance(value, float | None) else shown(value)


def _names(name: str, value: object, *, kind: str = "names") -> tuple[str, ...]:
    if value is None:
        return ()
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise BadRequest(f"{name} is {as_found(items)}: use a text or a list of {kind}")
    texts = cast("Collection[object]", items)
    if name == "only" and not texts:
        raise BadRequest("only is empty: name who may answer, or leave it out to let everybody")
    found = [text(item, f"one of {name}", f"{kind} that are not empty") for item in texts]
    return tuple(sorted(found) if isinstance(items, (set, frozenset)) else found)
