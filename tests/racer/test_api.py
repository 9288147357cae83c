"""`Racer` and `race()`: what they build, own and refuse, and what a caller is told."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import orjson
import pytest

import racer as public
from racer import BadRequest, Config, NoLanes, Racer, RacerError, Reply
from racer.core.facts import Fact, RaceStarted
from racer.core.provider import Provider
from racer.errors import InvalidReply, RaceLost
from racer.testing import (
    Script,
    ScriptedTransport,
    Step,
    VirtualLoop,
    answers,
    config_of,
    hangs,
    provider_of,
    says,
)
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


BAD_CALLS: list[tuple[object, dict[str, Any], str]] = [
    ([], {}, "messages"),
    ("", {}, "the prompt is empty"),
    ("   ", {}, "the prompt is empty"),
    (b"bytes", {}, "messages"),
    (None, {}, "messages"),
    ([{"role": "robot", "content": "x"}], {}, "robot"),
    ([{"role": "user"}], {}, "content"),
    (["hi"], {}, r"messages\[0\]"),
    ("hi", {"lanes": 0}, "lanes is 0"),
    ("hi", {"lanes": True}, "lanes is True"),
    ("hi", {"lanes": "4"}, "lanes is .4."),
    ("hi", {"deadline": -1}, "deadline is -1"),
    ("hi", {"deadline": 0}, "deadline is 0"),
    ("hi", {"deadline": float("nan")}, "deadline is nan"),
    ("hi", {"deadline": float("inf")}, "deadline is inf"),
    ("hi", {"wait": -0.1}, "wait is -0.1"),
    ("hi", {"policy": "fastest"}, "policy is .fastest."),
    ("hi", {"task": "poetry"}, "task is .poetry."),
    ("hi", {"only": "groc"}, "only names 'groc'.*did you mean groq"),
    ("hi", {"only": ["groq/none"]}, "only names 'groq/none'"),
    ("hi", {"exclude": "nobody"}, "exclude names 'nobody'"),
    ("hi", {"prefer": [3]}, "prefer"),
    ("hi", {"only": []}, "only is empty"),
    ("hi", {"valid": "yes"}, "valid holds .yes."),
    ("hi", {"temperature": "hot"}, "temperature is .hot."),
    ("hi", {"max_tokens": 0}, "max_tokens is 0"),
    ("hi", {"tools": [{"type": "function", "function": {}}]}, "tools"),
    ("hi", {"extra": {"x": {1, 2}}}, "extra"),
]


@pytest.mark.parametrize(("messages", "options", "names"), BAD_CALLS, ids=lambda v: repr(v)[:40])
async def test_a_wrong_call_is_told_before_anything_is_sent(messages: Any, options: Any, names: str) -> None:
    """Each mistake is one error that names the thing and what is allowed; nothing leaves."""
    transport = ScriptedTransport({"groq": says("x")})
    async with Racer(config_of("groq"), transport=transport) as racer:
        with pytest.raises(BadRequest, match=names):
            await racer.race(messages, **options)

    assert [] == transport.log


async def test_an_unknown_option_is_a_type_error() -> None:
    """As Python does it for any keyword."""
    async with Racer(config_of("a"), transport=ScriptedTransport({})) as racer:
        with pytest.raises(TypeError, match="unknown option 'lane'"):
            await racer.race("hi", **cast("Any", {"lane": 3}))


async def test_nothing_configured_says_what_to_do() -> None:
    """With no provider at all: a key, Ollama, or the demo."""
    async with Racer(Config(), transport=ScriptedTransport({})) as racer:
        with pytest.raises(NoLanes, match=r"GROQ_API_KEY.*racer demo"):
            await racer.race("hi")


async def test_providers_without_keys_are_named_in_one_line() -> None:
    """Twenty providers without a key are no wall of text, and every reason is on the exception."""
    keyless = [Provider(f"p{i}", "openai", "https://p.test", key_names=(f"P{i}_KEY",)) for i in range(20)]
    async with Racer(Config(providers=tuple(keyless)), transport=ScriptedTransport({})) as racer:
        with pytest.raises(NoLanes) as caught:
            await racer.race("hi")

    assert len(str(caught.value).splitlines()) < 6
    assert ("p3", "no key: set P3_KEY") in caught.value.skipped


async def test_what_nobody_can_do_is_said() -> None:
    """Tools asked of models that have none: the reason of each lane, and what would help."""
    bare = replace(provider_of("a"), models=(replace(provider_of("a").models[0], can=frozenset()),))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    async with Racer(Config(providers=(bare,)), transport=ScriptedTransport({})) as racer:
        with pytest.raises(NoLanes, match="a/m: cannot do tools"):
            await racer.race("hi", tools=[tool])


async def test_the_callers_messages_are_not_touched() -> None:
    """Nothing that was passed in is changed, whatever happens to the race."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    before = copy.deepcopy(messages)
    async with Racer(
        config_of("a", "b"), transport=ScriptedTransport({"a": says("x"), "b": hangs()})
    ) as racer:
        await racer.race(messages)

    assert before == messages


async def test_prefer_only_and_exclude_choose_the_lanes() -> None:
    """`prefer` puts first, `only` leaves nothing else, `exclude` leaves out."""
    transport = ScriptedTransport({name: says(name) for name in "abc"})
    async with Racer(config_of("a", "b", "c"), transport=transport) as racer:
        assert "c" == (await racer.race("hi", lanes=1, prefer="c")).provider
        assert "b" == (await racer.race("hi", only=["b/m"])).provider
        assert "c" == (await racer.race("hi", lanes=1, exclude=["a", "b"])).provider


async def test_keys_of_one_provider_take_turns() -> None:
    """Among equal accounts the least used goes first."""
    provider = provider_of("a", keys=("K1", "K2"))
    transport = ScriptedTransport({"a": says("x")})
    async with Racer(Config(providers=(provider,)), transport=transport) as racer:
        lanes = [(await racer.race("hi", lanes=1)).attempts[0].lane for _ in range(4)]

    assert ["a/m@K1", "a/m@K2", "a/m@K1", "a/m@K2"] == lanes


async def test_a_racer_must_be_open() -> None:
    """Used without `async with`, it says how to use it."""
    with pytest.raises(RacerError, match=r"async with Racer\.load"):
        await Racer(config_of("a")).race("hi")


async def test_a_racer_is_opened_once_at_a_time() -> None:
    """Entered twice, it says so."""
    async with Racer(config_of("a"), transport=ScriptedTransport({})) as racer:
        with pytest.raises(RacerError, match="open already"):
            await racer.__aenter__()


async def test_a_racer_stays_in_its_loop() -> None:
    """From another thread's loop it is refused, in plain words."""
    async with Racer(config_of("a"), transport=ScriptedTransport({})) as racer:
        with pytest.raises(RacerError, match="another event loop"):
            await anyio.to_thread.run_sync(lambda: asyncio.run(racer.race("hi")))


async def test_many_races_at_once() -> None:
    """A Racer takes any number of races together; no result is shared between them."""
    transport = ScriptedTransport({"a": says("x", after=1.0), "b": says("y", after=2.0)})
    async with Racer(config_of("a", "b"), transport=transport) as racer:
        replies = await asyncio.gather(*(racer.race("hi") for _ in range(50)))

    assert 50 == len({reply.race_id for reply in replies})
    assert 50 == len({id(reply.attempts) for reply in replies})
    assert 0 == transport.open


async def test_no_key_reaches_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """A provider that echoes the key in its refusal does not get it into any text of ours."""
    key = "test-key-" + "q" * 20
    provider = provider_of("a")
    account = replace(provider.accounts[0], key=Secret(key))
    body = orjson.dumps({"error": {"message": f"Incorrect API key provided: {key}. Header Bearer {key}"}})
    transport = ScriptedTransport({"a": answers(401, body)})
    facts: list[Fact] = []
    config = Config(providers=(replace(provider, accounts=(account,)),))
    async with Racer(config, transport=transport, observers=[facts.append]) as racer:
        with pytest.raises(RaceLost) as caught:
            await racer.race("hi")
        with pytest.raises(NoLanes) as after:
            await racer.race("hi")

    told = "".join(
        [str(caught.value), repr(caught.value.__cause__), repr(caught.value.attempts), str(after.value)]
    )
    for hiding in (told, repr(facts), repr(config), repr(transport.requests), caplog.text):
        assert key not in hiding
        assert key[:8] not in hiding


async def test_local_models_are_found_and_go_first() -> None:
    """What a local server lists becomes lanes; loaded models first, embedding models never."""
    tags = {"models": [{"name": "big:latest"}, {"name": "small:latest"}, {"name": "nomic-embed-text"}]}
    loaded = {"models": [{"name": "small:latest"}]}
    reply = orjson.dumps({"message": {"content": "local"}, "done": True, "done_reason": "stop"})
    transport = ScriptedTransport(
        {
            "ollama": [
                answers(200, orjson.dumps(tags)),
                answers(200, orjson.dumps(loaded)),
                answers(200, reply),
            ],
            "a": says("remote", after=5.0),
        }
    )
    local = replace(
        provider_of("ollama"), dialect="ollama", base_url="http://ollama.test", local=True, discover=True
    )
    async with Racer(Config(providers=(provider_of("a"), local)), transport=transport) as racer:
        answer = await racer.race("hi", lanes=1)

    assert ("local", "small:latest") == (answer.text, answer.model)


async def test_a_local_server_that_is_not_there_costs_nothing() -> None:
    """It hangs, and the race with the others has its reply 0.25 s later at the most; alone, it is told."""
    local = replace(
        provider_of("ollama"), dialect="ollama", base_url="http://ollama.test", local=True, discover=True
    )
    transport = ScriptedTransport({"ollama": hangs(), "a": says("remote", after=1.0)})
    async with Racer(Config(providers=(local, provider_of("a"))), transport=transport) as racer:
        began = anyio.current_time()
        await racer.race("hi")
        first = anyio.current_time() - began
        await racer.race("hi")
        second = anyio.current_time() - began - first

    assert (1.25, 1.0) == (first, second)

    async with Racer(Config(providers=(local,)), transport=transport) as racer:
        with pytest.raises(NoLanes, match=r"answers at http://ollama\.test"):
            await racer.race("hi")


async def test_the_deadline_holds_while_a_local_server_is_asked() -> None:
    """The wait for it is a part of the race, and a model of it is not called unknown."""
    local = replace(
        provider_of("ollama"), dialect="ollama", base_url="http://ollama.test", local=True, discover=True
    )
    transport = ScriptedTransport({"ollama": hangs(), "a": hangs()})
    async with Racer(Config(providers=(local,)), transport=transport) as racer:
        began = anyio.current_time()
        with pytest.raises(NoLanes, match="ollama: nothing answers"):
            await racer.race("hi", deadline=0.5, only="ollama/whatever")
        assert 0.5 == anyio.current_time() - began

    async with Racer(Config(providers=(local, provider_of("a"))), transport=transport) as racer:
        began = anyio.current_time()
        with pytest.raises(RacerError):
            await racer.race("hi", deadline=0.1)
        assert 0.1 == pytest.approx(anyio.current_time() - began)


async def test_only_is_answered_with_what_it_names() -> None:
    """With `only`, the others' reasons are no news."""
    keyless = [Provider(name, "openai", "https://p.test", key_names=(f"{name}_KEY",)) for name in "xyz"]
    async with Racer(Config(providers=tuple(keyless)), transport=ScriptedTransport({})) as racer:
        with pytest.raises(NoLanes) as caught:
            await racer.race("hi", only="y")

    assert [("y", "no key: set y_KEY")] == list(caught.value.skipped)


async def test_who_was_skipped_is_told_at_the_start() -> None:
    """The first fact of a race names everyone who does not run, with the reason."""
    facts: list[Fact] = []
    keyless = Provider("x", "openai", "https://x.test", key_names=("X_KEY",))
    config = Config(providers=(provider_of("a"), provider_of("b"), keyless))
    transport = ScriptedTransport({"a": says("x")})
    async with Racer(config, transport=transport, observers=[facts.append]) as racer:
        await racer.race("hi", exclude="b")

    started = facts[0]
    assert isinstance(started, RaceStarted)
    assert (("b/m", "excluded"), ("x", "no key: set X_KEY")) == started.skipped


async def test_a_secret_in_a_header_is_scrubbed_too() -> None:
    """Not every secret is a key: what a row sends in its headers is echoed as well."""
    secret = "test-header-" + "z" * 12
    provider = replace(provider_of("a"), headers={"x-auth": secret})
    body = orjson.dumps({"error": {"message": f"bad header {secret}"}})
    async with Racer(
        Config(providers=(provider,)), transport=ScriptedTransport({"a": answers(500, body)})
    ) as racer:
        with pytest.raises(RaceLost) as caught:
            await racer.race("hi")

    assert secret not in str(caught.value)
    assert secret not in repr(provider)


async def test_what_was_asked_stands_in_no_reason() -> None:
    """A provider that quotes its prompt, and a check that quotes the reply: neither is told to anybody."""
    facts: list[Fact] = []
    asked, said = "why does my neighbour sing all night", "she sings because of the moon"
    body = orjson.dumps({"error": {"message": f"invalid input: '{asked}'"}})

    def no(reply: Reply) -> bool:
        raise InvalidReply(f"not wanted: ({reply.text})")

    scripts = {"a": answers(500, body), "b": says(said)}
    async with Racer(
        config_of("a", "b"), transport=ScriptedTransport(scripts), observers=[facts.append]
    ) as racer:
        with pytest.raises(RaceLost) as caught:
            await racer.race(asked, valid=no, policy="all")

    told = f"{caught.value} {caught.value.attempts} {facts}"
    assert asked not in told
    assert said not in told
    assert {each.reason for each in caught.value.attempts} == {
        "server 500: invalid input: '[prompt]'",
        "invalid: not wanted: ([reply])",
    }


async def test_tools_and_their_results_travel() -> None:
    """A tool call of the winner comes back as it was asked for, in OpenAI's form too."""
    call = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a":1}'}}
    frames = [{"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}]
    body = b"".join(b"data: " + orjson.dumps(frame) + b"\n\n" for frame in frames) + b"data: [DONE]\n\n"
    transport = ScriptedTransport({"a": Script((Step(0.5, body),)), "b": hangs()})
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    async with Racer(config_of("a", "b"), transport=transport) as racer:
        reply = await racer.race("hi", tools=[tool], tool_choice="required")

    assert [("c1", "add", '{"a":1}')] == [(c.id, c.name, c.arguments) for c in reply.tool_calls]
    assert "tool_calls" == reply.to_openai()["choices"][0]["finish_reason"]


async def test_the_one_call_form_reads_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`race()` alone loads what `Racer.load()` would, and says so when nothing is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RACER_CONFIG", str(tmp_path / "none.toml"))

    with pytest.raises(public.ConfigError, match=r"none\.toml"):
        await public.race("hi")


@pytest.mark.anyio
async def test_the_field() -> None:
    """The lanes that there are, for whoever shows them; of a Racer that is open."""
    racer = Racer(config_of("a", "b"), transport=ScriptedTransport({}))
    with pytest.raises(RacerError, match="not open"):
        _ = racer.field
    async with racer:
        assert [lane.id for lane in racer.field.lanes] == ["a/m", "b/m"]
