"""Who may answer, and in which order: names, privacy, capabilities, then what makes one lane better."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.field import Skipped
from racer.core.provider import Account, Lane, Model, Provider
from racer.core.rank import (
    TASKS,
    UNKNOWN,
    Form,
    Wishes,
    is_private,
    known_names,
    matches,
    needs_of,
    rank,
    tokens_of,
    why_not,
)
from racer_adapters.types import Call, ImagePart, Message, Shape, TextPart, Tool, ToolCall

HI = Call((Message("user", "hi"),))
NOTHING: frozenset[str] = frozenset()


def lane(
    name: str,
    *tags: str,
    can: str = "",
    priority: int = 50,
    local: bool = False,
    loaded: bool = False,
    account: str | None = None,
    trains: bool | None = None,
    context: int | None = None,
) -> Lane:
    """`name` is provider/model; `can` has capabilities with spaces between."""
    provider, _, model = name.partition("/")
    return Lane(
        id=name if account is None else f"{name}@{account}",
        provider=Provider(
            provider,
            "openai",
            f"https://{provider}.test",
            priority=priority,
            local=local,
            trains_on_data=trains,
        ),
        model=Model(model, tags=frozenset(tags), can=frozenset(can.split()), context=context, loaded=loaded),
        account=Account(account or provider),
        host=f"{provider}.test",
    )


def order(*lanes: Lane, uses: dict[str, int] | None = None, **wishes: object) -> list[str]:
    wanted = Wishes(**wishes)  # type: ignore[arg-type] # a test names the wishes it needs
    return [each.id for each in rank(lanes, HI, wanted, uses or {}).lanes]


# ---------------------------------------------------------------- the order


def test_without_wishes_equals_keep_their_order() -> None:
    """The sort is stable: what the configuration says first stays first."""
    assert order(lane("c/m"), lane("a/m"), lane("b/m")) == ["c/m", "a/m", "b/m"]


LADDER = [
    lane("preferred/m", priority=90),
    lane("task/m", "code", priority=90),
    lane("loaded/m", local=True, loaded=True, priority=90),
    lane("cold/m", local=True, priority=90),
    lane("first/m", priority=10),
    lane("rested/m", priority=20, account="rested"),
    lane("busy/m", priority=20, account="busy"),
]


@given(st.permutations(LADDER))
def test_each_step_of_the_ladder_weighs_more_than_all_below(lanes: list[Lane]) -> None:
    """prefer, task, local, loaded, priority, least used: in this order, however the lanes came."""
    placed = order(*lanes, prefer=("preferred",), task="code", uses={"busy": 3, "rested": 1, "first": 99})
    assert placed == [each.id for each in LADDER]


def test_prefer_puts_first_in_the_order_of_its_names() -> None:
    """The rest stays behind as fallback; a lane that two names fit has the better place."""
    lanes = [lane("a/m"), lane("b/m", "fast"), lane("c/m", "fast"), lane("d/m")]

    assert order(*lanes, prefer=("d", "c/m", "fast")) == ["d/m", "c/m", "b/m", "a/m"]


def test_a_task_orders_and_never_leaves_out() -> None:
    """A lane without the tag answers when the others cannot."""
    assert order(lane("a/m"), lane("b/m", "deep"), task="deep") == ["b/m", "a/m"]


def test_accounts_take_turns() -> None:
    """The account with the fewest calls goes first; one never called counts none."""
    one, two, three = (lane("a/m", account=name) for name in ("one", "two", "three"))

    assert order(one, two, three, uses={"one": 2, "two": 1}) == ["a/m@three", "a/m@two", "a/m@one"]


@pytest.mark.parametrize(
    ("forms", "placed"),
    [
        ({"a/m@one": (5, 0.1), "a/m@two": (3, 0.9)}, ["a/m@two", "a/m@one"]),
        ({"a/m@one": (3, 0.5), "a/m@two": (3, 0.4)}, ["a/m@two", "a/m@one"]),
        ({"a/m@one": (3, 0.5), "a/m@two": (3, 0.5)}, ["a/m@one", "a/m@two"]),
        ({"a/m@one": (1, 0.0)}, ["a/m@two", "a/m@one"]),
        ({"a/m@one": UNKNOWN}, ["a/m@one", "a/m@two"]),
        ({"a/m@one": (-1, 0.0)}, ["a/m@one", "a/m@two"]),
        ({"b/m": (9, 0.9), "a/m@two": (-1, 0.0)}, ["a/m@two", "a/m@one"]),
    ],
)
def test_the_faster_lane_goes_first_then_the_one_with_most_left(
    forms: dict[str, Form], placed: list[str]
) -> None:
    """A lane that nobody has said anything of has neither waited nor spent; turns decide between equals."""
    lanes = [lane("a/m", account=name) for name in ("one", "two")]
    found = rank(lanes, HI, Wishes(), {"two": 1}, forms)

    assert [each.id for each in found.lanes] == placed


def test_the_users_priority_weighs_more_than_speed() -> None:
    """What was configured is wanted so."""
    lanes = [lane("slow/m", priority=10), lane("fast/m", priority=20)]
    found = rank(lanes, HI, Wishes(), {}, {"slow/m": (9, 1.0), "fast/m": (0, 0.0)})

    assert [each.id for each in found.lanes] == ["slow/m", "fast/m"]


# ---------------------------------------------------------------- who may not


SKIPS: list[tuple[str, Lane, Wishes, str | None]] = [
    ("no wish", lane("a/m"), Wishes(), None),
    ("only it", lane("a/m"), Wishes(only=("b", "a")), None),
    ("only others", lane("a/m"), Wishes(only=("b",)), "not in only"),
    ("excluded", lane("a/m"), Wishes(exclude=("b", "a/m")), "excluded"),
    ("exclude beats only", lane("a/m"), Wishes(only=("a",), exclude=("a",)), "excluded"),
    ("preferred and excluded", lane("a/m"), Wishes(prefer=("a",), exclude=("a",)), "excluded"),
    ("private", lane("a/m"), Wishes(private=True), "private: not local, and not known to keep"),
    ("trains", lane("a/m", trains=True), Wishes(private=True), "private: not local, and not known to keep"),
    ("does not train", lane("a/m", trains=False), Wishes(private=True), None),
    ("local", lane("a/m", local=True), Wishes(private=True), None),
]


@pytest.mark.parametrize(
    ("given_lane", "wishes", "reason"), [row[1:] for row in SKIPS], ids=[row[0] for row in SKIPS]
)
def test_why_a_lane_is_left_out(given_lane: Lane, wishes: Wishes, reason: str | None) -> None:
    """Names and privacy, each with its reason."""
    found = why_not(given_lane, NOTHING, wishes)

    assert found == reason or (found is not None and reason is not None and found.startswith(reason))


@pytest.mark.parametrize(
    ("can", "needs", "reason"),
    [
        ("", "", None),
        ("tools", "tools", None),
        ("", "tools", "cannot do tools"),
        ("json", "json tools vision", "cannot do tools, vision"),
        ("schema", "json", None),
        ("json", "schema", "cannot do schema"),
    ],
)
def test_a_model_must_have_what_the_call_needs(can: str, needs: str, reason: str | None) -> None:
    """All of it; who follows a schema can write JSON too."""
    assert why_not(lane("a/m", can=can), frozenset(needs.split()), Wishes()) == reason


LONG = Call((Message("user", "word " * 800),))  # 1,000 tokens, and 4 around them


@pytest.mark.parametrize(
    ("call", "context", "reason"),
    [
        (HI, None, None),
        (LONG, None, None),
        (LONG, 1004, None),
        (LONG, 1003, "too long: about 1,004 tokens with the answer, and its context has 1,003"),
        (Call(LONG.messages, max_tokens=200), 1204, None),
        (Call(LONG.messages, max_tokens=200), 1203, "too long: about 1,204 tokens with the answer, and its"),
        (Call((*LONG.messages, *LONG.messages)), 2000, "too long: about 2,008 tokens"),
    ],
)
def test_a_prompt_must_fit(call: Call, context: int | None, reason: str | None) -> None:
    """All messages and the answer that was asked for, in a context that is known; an unknown one may do."""
    found = why_not(lane("a/m", context=context), NOTHING, Wishes(), tokens_of(call))

    assert found == reason or (found is not None and reason is not None and found.startswith(reason))


def test_too_long_for_one_is_not_too_long_for_all() -> None:
    """The small context is skipped before anything is sent; the large one runs."""
    found = rank([lane("small/m", context=500), lane("large/m", context=2000)], LONG, Wishes(), {})

    assert [each.id for each in found.lanes] == ["large/m"]
    assert [(each.name, each.reason[:8]) for each in found.skipped] == [("small/m", "too long")]


def test_nobody_gets_lost() -> None:
    """Each lane is in the ranking once: among those that may run, or with its reason."""
    lanes = [lane("a/m"), lane("b/m"), lane("c/m", can="tools")]
    found = rank(lanes, Call(HI.messages, tools=(Tool("f"),)), Wishes(exclude=("a",)), {})

    assert [each.id for each in found.lanes] == ["c/m"]
    assert found.skipped == (Skipped("a/m", "excluded"), Skipped("b/m", "cannot do tools"))


@pytest.mark.parametrize(("local", "trains", "private"), [(True, True, True), (False, None, False)])
def test_not_known_is_not_private(local: bool, trains: bool | None, private: bool) -> None:
    """What a provider does with the data must be said; on this machine it stays here."""
    assert is_private(lane("a/m", local=local, trains=trains)) is private


# ---------------------------------------------------------------- what a call needs


CALL = ToolCall("1", "f", "{}")
SEEN = ImagePart("https://a.test/i.png")
NEEDS: list[tuple[str, Call, set[str]]] = [
    ("text", HI, set()),
    ("text in parts", Call((Message("user", (TextPart("hi"),)),)), set()),
    ("an image", Call((Message("user", (TextPart("what?"), SEEN)),)), {"vision"}),
    ("tools", Call(HI.messages, tools=(Tool("f"),)), {"tools"}),
    ("a call made before", Call((Message("assistant", tool_calls=(CALL,)),)), {"tools"}),
    ("a tool's result", Call((Message("tool", "5", tool_call_id="1"),)), {"tools"}),
    ("json", Call(HI.messages, shape=Shape("json")), {"json"}),
    ("a schema", Call(HI.messages, shape=Shape("schema", {})), {"schema"}),
    (
        "all",
        Call((Message("user", (SEEN,)),), tools=(Tool("f"),), shape=Shape("json")),
        {"json", "tools", "vision"},
    ),
]


@pytest.mark.parametrize(("call", "needs"), [row[1:] for row in NEEDS], ids=[row[0] for row in NEEDS])
def test_what_a_call_needs(call: Call, needs: set[str]) -> None:
    """Tools, also in what was said before; pictures; structured output."""
    assert needs_of(call) == needs


# ---------------------------------------------------------------- names


LLAMA = lane("ollama/llama3:latest", "chat", local=True)
GROQ = lane("groq/openai/gpt-oss-20b", "fast", account="GROQ_API_KEY_2")


@pytest.mark.parametrize(
    ("given_lane", "name", "fits"),
    [
        (GROQ, "groq", True),
        (GROQ, "groq/openai/gpt-oss-20b", True),
        (GROQ, "groq/openai/gpt-oss-20b@GROQ_API_KEY_2", True),
        (GROQ, "fast", True),
        (GROQ, "openai", False),
        (GROQ, "openai/gpt-oss-20b", False),
        (GROQ, "gpt-oss-20b", False),
        (GROQ, "Groq", False),
        (LLAMA, "ollama/llama3", True),
        (LLAMA, "ollama/llama3:latest", True),
        (LLAMA, "ollama/llama3:8b", False),
        (lane("ollama/llama3"), "ollama/llama3:latest", True),
    ],
)
def test_a_name_is_a_provider_a_model_a_tag_or_a_lane(given_lane: Lane, name: str, fits: bool) -> None:
    """Whole names alone; `:latest` is what a name without a tag means."""
    assert matches(given_lane, name) is fits


def test_the_names_that_are_known() -> None:
    """Tasks, providers, their models and tags, and every lane, also of models that were only found."""
    provider = Provider("p", "openai", "https://p.test", models=(Model("a:latest", tags=frozenset({"odd"})),))

    assert known_names([provider], [LLAMA, GROQ]) == {
        *TASKS,
        "p",
        "p/a",
        "odd",
        "ollama/llama3:latest",
        "ollama/llama3",
        "groq/openai/gpt-oss-20b@GROQ_API_KEY_2",
        "groq/openai/gpt-oss-20b",
    }


@pytest.mark.parametrize(
    ("only", "provider", "concerned"),
    [((), "a", True), (("a",), "a", True), (("a/m",), "a", True), (("b", "c/m"), "a", False)],
)
def test_only_concerns_the_providers_that_it_names(
    only: tuple[str, ...], provider: str, concerned: bool
) -> None:
    """By themselves or by one of their models; with no `only`, everybody."""
    assert Wishes(only=only).concern(provider) is concerned


def test_wishes_part_the_lanes_into_groups() -> None:
    """A policy that has an order of its own still keeps to them; without a wish there are none."""
    lanes = [lane("a/m"), lane("b/m"), lane("c/m")]

    ranking = rank(lanes, Call((Message("user", "hi"),)), Wishes(prefer=("c", "b"), task="code"), {})

    assert {"c/m": 1, "b/m": 3, "a/m": 5} == dict(ranking.groups)
    assert {} == dict(rank(lanes, Call((Message("user", "hi"),)), Wishes(), {}).groups)
