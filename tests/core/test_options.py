"""What the caller may say, and what is said of everything that is wrong, before anything is sent."""

from __future__ import annotations

from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.heat import Rules
from racer.core.into import Into
from racer.core.options import Ask, Defaults, Options, StreamOptions, read, read_stream
from racer.core.plan import plan_all, plan_one
from racer.core.rank import TASKS, Wishes
from racer.errors import BadRequest
from racer_adapters.types import Call, Message, Shape, Tool, ToolChoice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.reply import Reply

NAN, INFINITY = float("nan"), float("inf")
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
OBJECT = Into(dict, Shape("schema", {"type": "object"}), str)
CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE


def ask(messages: Any = "hi", /, **options: Any) -> Ask:
    return read(messages, cast("Options", options), Defaults())


def polite(reply: Reply) -> bool:
    return "please" in reply.text


async def kind(reply: Reply) -> bool:
    return polite(reply)


# ---------------------------------------------------------------- what may be said


def test_the_plain_call_needs_no_options() -> None:
    """A text is one message of the user; everything else is a default."""
    assert ask() == Ask(Call((Message("user", "hi"),)), Rules(), "all", plan_all, Wishes(), ())


def test_defaults_hold_where_nothing_is_said() -> None:
    """`[race]` of the configuration; None is the same as nothing."""
    defaults = Defaults(lanes=2, policy="one", deadline=5.0, wait=1.0, per_provider=3, local_lanes=4)
    silent = cast("Options", {"lanes": None, "deadline": None, "wait": None})

    for options in (Options(), silent):
        asked = read("hi", options, defaults)
        assert asked.rules == Rules(2, 5.0, 1.0, 3, 4)
        assert (asked.policy_name, asked.policy) == ("one", plan_one)


def test_attempts_bound_a_race_where_they_are_given() -> None:
    """Without them there is no end but the lanes'."""
    assert ask(attempts=3).rules.attempts == 3
    assert ask().rules.attempts == float("inf")


def test_every_option_arrives() -> None:
    """Each in its place: what is asked, of whom, and by which rules."""
    asked = ask(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        lanes=2,
        policy="one",
        deadline=20,
        wait=3,
        private=True,
        only="groq",
        exclude=["a", "b/m"],
        prefer=("fast",),
        task="code",
        valid=[polite, kind],
        max_tokens=100,
        temperature=1,
        top_p=0.5,
        stop="\n",
        seed=-1,
        tools=[TOOL],
        tool_choice="required",
        response_format={"type": "json_object"},
        extra={"top_k": 3},
        cache="1h30m",
    )

    assert asked == Ask(
        Call(
            (Message("system", "Be brief."), Message("user", "hi")),
            max_tokens=100,
            temperature=1.0,
            top_p=0.5,
            stop=("\n",),
            seed=-1,
            tools=(Tool("add", parameters={"type": "object"}),),
            tool_choice=ToolChoice("required"),
            shape=Shape("json"),
            extra={"top_k": 3},
        ),
        Rules(width=2, deadline=20.0, wait=3.0),
        "one",
        plan_one,
        Wishes(only=("groq",), exclude=("a", "b/m"), prefer=("fast",), task="code", private=True),
        (polite, kind),
        cache=5400.0,
    )


def test_a_token_may_decide() -> None:
    """With `proof`, which says nothing where the whole reply decides."""
    given = [ask(**options).proof for options in ({}, {"proof": 5}, {"decide": "token"})]
    assert [None, None, 1] == given
    assert 5 == ask(decide="token", proof=5).proof


def test_a_stream_is_always_decided_by_what_a_lane_shows() -> None:
    """Whatever `decide` says, for both take the same options; and it may be gone on with."""
    one = read_stream("hi", {"decide": "reply", "proof": 3}, Defaults())
    other = read_stream("hi", {"resume": True}, Defaults(), OBJECT)

    assert (3, True, False, None) == (one.proof, one.rules.read, one.resume, one.into)
    assert (1, True, True, OBJECT) == (other.proof, other.rules.read, other.resume, other.into)
    assert not ask().rules.read


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resume": 1}, "resume is 1: use True or False"),
        ({"decide": "first"}, 'decide is "first"'),
        ({"resume": True, "tools": [TOOL]}, "resume is asked for with tools"),
        ({"lanes": 0}, "lanes is 0"),
    ],
)
def test_what_is_wrong_with_a_stream_is_named(options: Any, words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match=words):
        read_stream("hi", options, Defaults())


def test_resume_is_for_streams_alone() -> None:
    """A race has nobody who has seen half of a reply."""
    with pytest.raises(TypeError, match="unknown option 'resume'"):
        ask(resume=True)
    with pytest.raises(TypeError, match=r"unknown option 'lane'; the options are .* resume, into"):
        read_stream("hi", cast("StreamOptions", {"lane": 4}), Defaults())


def test_two_forms_are_one_too_many() -> None:
    """`into` says the form already."""
    with pytest.raises(BadRequest, match="into and response_format are both given"):
        read("hi", {"response_format": {"type": "json_object"}}, Defaults(), OBJECT)


@pytest.mark.parametrize("task", TASKS)
def test_each_task_may_be_asked_for(task: str) -> None:
    """The contract's five."""
    assert ask(task=task).wishes.task == task


@pytest.mark.parametrize(
    ("given", "kept", "alone"),
    [
        (None, 60.0, None),
        (False, None, None),
        (30, 30.0, 30.0),
        (0.001, 0.001, 0.001),
        ("24h", 86_400.0, 86_400.0),
    ],
)
def test_cache_beside_its_default(given: Any, kept: float | None, alone: float | None) -> None:
    """Seconds or a text; False is no cache, whatever the default; None is the default, which may be none."""
    options = cast("Options", {"cache": given})

    assert read("hi", options, Defaults(cache=60.0)).cache == kept
    assert read("hi", options, Defaults()).cache == alone


def test_one_check_needs_no_list() -> None:
    """A callable, a list or a tuple of them; an empty list checks nothing."""
    assert ask(valid=polite).valid == (polite,)
    assert ask(valid=(polite,)).valid == (polite,)
    assert ask(valid=[]).valid == ()


def test_names_from_a_set_have_one_order() -> None:
    """The same race twice is the same race, though a set has no order of its own."""
    assert ask(only={"c", "a", "b"}).wishes.only == ("a", "b", "c")
    assert ask(exclude=frozenset({"b", "a"})).wishes.exclude == ("a", "b")


def test_the_limits_belong_to_the_allowed() -> None:
    """The ends of each range may be used."""
    most = ask(lanes=64, deadline=86_400, wait=86_400, temperature=2, top_p=1.0, seed=2**63 - 1)
    least = ask(lanes=1, deadline=0.001, wait=0, temperature=0, top_p=0.0, seed=-(2**63), max_tokens=1)

    assert (most.rules.width, most.rules.deadline, most.call.seed) == (64, 86_400.0, 2**63 - 1)
    assert (least.rules.width, least.rules.deadline, least.call.max_tokens) == (1, 0.001, 1)


# ---------------------------------------------------------------- what may not


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"lanes": 0}, "lanes is 0: use a whole number from 1 to 64"),
    ({"attempts": 0}, "attempts is 0: use a whole number from 1 to 1000"),
    ({"attempts": 1.5}, "attempts is 1.5: use"),
    ({"lanes": -1}, "lanes is -1: use"),
    ({"lanes": 65}, "lanes is 65: use"),
    ({"lanes": True}, "lanes is True: use"),
    ({"lanes": 2.0}, "lanes is 2.0: use"),
    ({"lanes": "4"}, 'lanes is "4": use'),
    ({"lanes": [4]}, "lanes is a list: use"),
    ({"lanes": 10**5000}, "lanes is an int: use"),
    ({"deadline": 0}, "deadline is 0: use a number from 0.001 to 86400"),
    ({"deadline": -1.5}, "deadline is -1.5: use"),
    ({"deadline": NAN}, "deadline is nan: use"),
    ({"deadline": INFINITY}, "deadline is inf: use"),
    ({"deadline": -INFINITY}, "deadline is -inf: use"),
    ({"deadline": True}, "deadline is True: use"),
    ({"deadline": "20"}, 'deadline is "20": use'),
    ({"deadline": 10**400}, "deadline is an int: use"),
    ({"deadline": 86_401}, "deadline is 86401: use"),
    ({"wait": -1}, "wait is -1: use a number from 0 to 86400"),
    ({"wait": NAN}, "wait is nan: use"),
    ({"temperature": 2.1}, "temperature is 2.1: use a number from 0 to 2"),
    ({"temperature": NAN}, "temperature is nan: use"),
    ({"temperature": 1j}, "temperature is a complex: use"),
    ({"top_p": -0.1}, "top_p is -0.1: use a number from 0 to 1"),
    ({"top_p": INFINITY}, "top_p is inf: use"),
    ({"max_tokens": 0}, "max_tokens is 0: use a whole number from 1 to 10000000"),
    ({"max_tokens": 1.0}, "max_tokens is 1.0: use"),
    ({"max_tokens": False}, "max_tokens is False: use"),
    ({"seed": 2**63}, "seed is 9223372036854775808: use"),
    ({"seed": "1"}, 'seed is "1": use'),
    ({"policy": "fastest"}, "policy is \"fastest\": use 'all' or 'frugal' or 'one'"),
    ({"policy": None}, "policy is None: use 'all' or 'frugal' or 'one'"),
    ({"policy": ["all"]}, "policy is a list: use"),
    ({"decide": "first"}, "decide is \"first\": use 'reply' or 'token'"),
    ({"proof": 0}, "proof is 0: use a whole number from 1 to 1000000"),
    ({"proof": "x"}, 'proof is "x": use'),
    ({"task": "poems"}, "task is \"poems\": use 'chat' or 'fast' or 'deep' or 'creative' or 'code'"),
    ({"task": {}}, "task is a dict: use"),
    ({"private": 1}, "private is 1: use True or False"),
    ({"private": "yes"}, 'private is "yes": use True or False'),
    ({"only": 5}, "only is 5: use a text or a list of names"),
    ({"only": []}, "only is empty: name who may answer, or leave it out to let everybody"),
    ({"only": {"groq": True}}, "only is a dict: use a text or a list of names"),
    ({"only": (name for name in "ab")}, "only is a generator: use a text or a list of names"),
    ({"only": ["groq", None]}, "one of only is missing: give names that are not empty"),
    ({"only": b"groq"}, "only is a bytes: use a text or a list of names"),
    ({"exclude": ""}, 'one of exclude is "": give names that are not empty'),
    ({"exclude": ["a", ""]}, 'one of exclude is "": give names that are not empty'),
    ({"prefer": [["groq"]]}, "one of prefer is a list: give names that are not empty"),
    ({"prefer": ["\ud800"]}, "one of prefer has half a character"),
    ({"stop": 5}, "stop is 5: use a text or a list of texts"),
    ({"stop": ["a", 5]}, "one of stop is an int: give texts that are not empty"),
    ({"stop": "\udfff"}, "one of stop has half a character"),
    ({"valid": "polite"}, 'valid holds "polite": use a callable that takes a Reply, or a list of them'),
    ({"valid": [polite, None]}, "valid holds None: use a callable"),
    ({"valid": {polite}}, "valid holds a set: use a callable"),
    ({"tools": {"type": "function"}}, "tools is a dict: give a list of tools"),
    ({"tools": [{"type": "web"}]}, 'tools[0].type is "web": use function'),
    ({"tool_choice": "required"}, "tool_choice is given without tools"),
    ({"tools": [TOOL], "tool_choice": "sometimes"}, 'tool_choice is "sometimes": give'),
    ({"response_format": "json"}, 'response_format is "json": give'),
    ({"response_format": {"type": "yaml"}}, 'response_format.type is "yaml": use'),
    ({"cache": "soon"}, 'cache is "soon": use a number of seconds above 0, a text like "24h", or False'),
    ({"cache": "0s"}, 'cache is "0s": use'),
    ({"cache": 0}, "cache is 0: use"),
    ({"cache": -1}, "cache is -1: use"),
    ({"cache": True}, "cache is True: use"),
    ({"cache": NAN}, "cache is nan: use"),
    ({"cache": INFINITY}, "cache is inf: use"),
    ({"cache": "99999999d"}, 'cache is "99999999d": use'),
    ({"cache": [60]}, "cache is a list: use"),
    ({"extra": [("a", 1)]}, "extra is a list: give a mapping of body fields"),
    ({"extra": {"a": {1, 2}}}, "extra cannot be written as JSON"),
    ({"extra": {1: "a"}}, "extra cannot be written as JSON"),
    ({"extra": {"a": 2**64}}, "extra cannot be written as JSON"),
    ({"extra": {"a": "\ud800"}}, "extra cannot be written as JSON"),
    ({"extra": CIRCLE}, "extra cannot be written as JSON"),
    ({"extra": {"a": object()}}, "extra cannot be written as JSON"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=[row[1][:60] for row in WRONG])
def test_what_is_wrong_is_named_with_its_remedy(options: dict[str, Any], words: str) -> None:
    """One sentence: the option, what was found, what is allowed."""
    with pytest.raises(BadRequest) as caught:
        ask(**options)

    message = str(caught.value)
    assert message.startswith(words)
    assert "\n" not in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("", "the prompt is empty"),
        (" \n", "the prompt is empty"),
        ([], "messages is an empty list"),
        (None, "messages is missing"),
        (b"hi", "messages is a bytes"),
        ({"role": "user", "content": "hi"}, "messages is a dict"),
        ([{"role": "robot", "content": "hi"}], 'messages[0].role is "robot": use system, user'),
        ([{"role": "user", "content": 5}], "messages[0].content is an int"),
        ([CIRCLE], "messages[0].role is missing"),
        ("\ud800", "the prompt has half a character"),
    ],
)
def test_messages_that_are_none(messages: object, words: str) -> None:
    """Empty, of the wrong type, of an unknown role: named by its place."""
    with pytest.raises(BadRequest) as caught:
        ask(messages)

    assert str(caught.value).startswith(words)


def test_an_unknown_option_is_an_unknown_argument() -> None:
    """As Python says it, with the names that there are."""
    with pytest.raises(TypeError, match="unknown option 'lane'; the options are lanes, policy, deadline"):
        ask(lane=4)


def test_a_default_of_a_policy_that_nobody_knows_is_named() -> None:
    """Whoever made the defaults."""
    with pytest.raises(BadRequest, match='policy is "most"'):
        read("hi", Options(), Defaults(policy="most"))


# ---------------------------------------------------------------- whose objects


def test_nothing_of_the_callers_is_changed_or_kept() -> None:
    """What the caller does with the objects later does not reach a race that runs."""
    given_messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    given_options: dict[str, Any] = {
        "only": ["a"],
        "stop": ["x"],
        "valid": [polite],
        "tools": [deepcopy(TOOL)],
        "extra": {"deep": {"er": [1]}},
    }
    before = deepcopy((given_messages, given_options))
    asked = ask(given_messages, **given_options)
    assert (given_messages, given_options) == before

    frozen = repr(asked)
    given_messages[0]["content"] = "other"
    given_options["only"].append("b")
    given_options["valid"].clear()
    given_options["tools"][0]["function"]["parameters"]["type"] = "string"
    given_options["extra"]["deep"]["er"].append(2)
    assert repr(asked) == frozen


def test_extra_may_be_any_mapping() -> None:
    """Not only a dict; what is in it is what is sent."""
    given_extra: Mapping[str, Any] = MappingProxyType({"top_k": 3})

    assert ask(extra=given_extra).call.extra == {"top_k": 3}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(Options.__annotations__)), ANYTHING)
def test_any_value_is_taken_or_refused(name: str, value: object) -> None:
    """No other exception than BadRequest, whatever is given for any option; and what is taken is in range."""
    try:
        asked = ask(**{name: value})
    except BadRequest:
        return
    assert 1 <= asked.rules.width <= 64
    assert 0 < asked.rules.deadline <= 86_400
    assert asked.call.temperature is None or 0 <= asked.call.temperature <= 2


@given(ANYTHING)
def test_any_messages_are_taken_or_refused(messages: object) -> None:
    """The same of what is asked."""
    try:
        asked = ask(messages)
    except BadRequest:
        return
    assert asked.call.messages
