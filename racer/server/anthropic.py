"""Anthropic's messages: bodies of its clients read, replies written as its clients expect them.

1. `thinking`, the effort in output_config, and top_k go on to Anthropic's own models, where `model` lets
   nobody else be asked; but no `thinking` behind results of tools, for it needs thoughts that were signed,
   and those are not kept. Elsewhere every model thinks as it does by itself, effort is without effect, and
   top_k is refused by its name. Thoughts are shown where `thinking` asks for any, without a signature.
2. Which of the stop_sequences has ended an answer is not known: it is an `end_turn`.
3. A last message of the assistant, to be gone on with, is refused: most providers would answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from racer.core.options import Defaults, read
from racer.core.tokens import prompt_tokens, tokens_of
from racer.server.anthropic_stream import Events, error_of, message_of
from racer.server.anthropic_turns import names_of, placed_turns
from racer.server.fields import ELSEWHERE, all_speak, check_names, flag, given
from racer.server.names import options_of
from racer.server.question import Question, Refused, place_in, wrong
from racer.server.schemas import check_schema
from racer_adapters.placed import items, json_object, mapping, optional_bool, optional_text, text
from racer_adapters.placed import wrong as wrong_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.options import Options
    from racer.core.provider import Lane
    from racer.core.reply import Reply

DIALECT = "anthropic"
USED = (
    "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "temperature", "top_p", "top_k",
    "tools", "tool_choice", "output_config", "output_format", "thinking",
)  # fmt: skip
# They say who asks, how a provider is to keep its books and caches, or what it may forget of a long talk.
NO_EFFECT = (
    "metadata", "service_tier", "speed", "cache_control", "diagnostics", "user_profile_id", "workspace_id",
    "context_management",
)  # fmt: skip
_INSTEAD: Mapping[str, str] = {
    "container": "nothing is run here: leave it out",
    "mcp_servers": f"{ELSEWHERE}: leave it out",
    "inference_geo": f"{ELSEWHERE}: leave it out, and name in model who may be asked",
}
_UNKNOWN = f"it is not known: use the fields of Anthropic's messages; {ELSEWHERE}"
THINKING = ("enabled", "adaptive", "between_tools", "disabled")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_TOOL = ("type", "name", "description", "input_schema", "strict")
_TOOL_NO_EFFECT = (
    "cache_control", "eager_input_streaming", "input_examples", "allowed_callers", "defer_loading",
)  # fmt: skip


class Anthropic:
    """The surface of POST /v1/messages."""

    def question(self, body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
        if body.get("max_tokens") is None:
            raise wrong("max_tokens", "max_tokens is missing: give a whole number above 0")
        return self.counted(body, lanes)

    def counted(self, body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
        """The same for who only wants to know how long it is."""
        try:
            return _question(body, lanes)
        except ValueError as error:
            raise Refused(400, str(error), param=place_in(str(error)), again=False) from None

    def whole(self, question: Question, reply: Reply) -> Mapping[str, Any]:
        return message_of(reply, thoughts=question.echo["thoughts"])

    def encoder(self, question: Question) -> Events:
        return Events(thoughts=question.echo["thoughts"], input_tokens=estimated(question))

    def refusal(self, refused: Refused) -> Mapping[str, Any]:
        return error_of(refused)


SURFACE = Anthropic()


def estimated(question: Question) -> int:
    """About how many tokens the question has, with its tools. Raises BadRequest."""
    tools = question.options.get("tools")
    own = tokens_of(orjson.dumps(tools).decode()) if tools else 0
    return own + prompt_tokens(read(question.messages, question.options, Defaults()).call)


def _question(body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
    said = given(body)
    check_names(said, (*USED, *NO_EFFECT), _UNKNOWN, instead=_INSTEAD)
    options: dict[str, Any] = dict(options_of(said.get("model"), lanes))
    kin = all_speak(DIALECT, cast("Options", options), lanes)
    options |= {name: said[name] for name in ("temperature", "top_p") if name in said}
    if (most := said.get("max_tokens")) is not None:
        options["max_tokens"] = most
    if stops := items(said.get("stop_sequences", []), "stop_sequences", "a list of texts"):
        options["stop"] = stops
    if tools := items(said.get("tools", []), "tools", "a list of tools"):
        options["tools"] = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(tools)]
    options |= _choice(said, kin=kin) | _form(said)
    placed = placed_turns(said.get("messages"), said.get("system"))
    messages = [turn for _, turn in placed]
    thinking = _thinking(said)
    own = _its_own(said, thinking if all(each["role"] != "tool" for each in messages) else None, kin=kin)
    if extra := options.pop("extra", {}) | own:
        options["extra"] = extra
    return Question(
        messages=messages,
        options=cast("Options", options),
        model=said["model"],
        stream=flag(said, "stream"),
        echo={"thoughts": thinking is not None and _shows(thinking)},
        names={"stop": "stop_sequences", "response_format": _place_of_form(said)} | names_of(placed),
    )


def _tool(item: object, place: str) -> dict[str, Any]:
    said = given(mapping(item, place, "an object with name and input_schema"))
    kind = said.get("type", "custom")
    if kind != "custom":
        raise wrong(
            f"{place}.type",
            f"{place}.type is for a tool that Anthropic runs: give tools of your own, with an input_schema",
            "unsupported_parameter",
        )
    check_names(said, (*_TOOL, *_TOOL_NO_EFFECT), "it is not known: use name and input_schema", place)
    function = {
        "name": text(said.get("name"), f"{place}.name", "the name of the tool"),
        "description": optional_text(said, "description", place),
        "parameters": json_object(said.get("input_schema"), f"{place}.input_schema", "a JSON schema"),
        "strict": optional_bool(said, "strict", place),
    }
    return {"type": "function", "function": given(function)}


def _choice(said: Mapping[str, Any], *, kin: bool) -> dict[str, Any]:
    """`tool_choice`, and whether several calls at once are let."""
    if "tool_choice" not in said:
        return {}
    place = "tool_choice"
    asked = given(mapping(said[place], place, 'an object such as {"type": "auto"}'))
    check_names(asked, ("type", "name", "disable_parallel_tool_use"), "it is not known", place)
    kind, alone = asked.get("type"), optional_bool(asked, "disable_parallel_tool_use", place)
    extra: dict[str, Any] = {}
    if alone and said.get("tools"):
        extra = {"extra": {place: asked} if kin else {"parallel_tool_calls": False}}
    if kind == "tool":
        name = text(asked.get("name"), f"{place}.name", "the name of one of the tools")
        return {place: {"type": "function", "function": {"name": name}}, **extra}
    if not isinstance(kind, str) or kind not in _CHOICES:
        raise wrong_value(kind, f"{place}.type", "auto, any, tool or none", "use")
    return {place: _CHOICES[kind], **extra}


def _form(said: Mapping[str, Any]) -> dict[str, Any]:
    """The form of the answer, in its newer or its older place."""
    config, place = _config(said), _place_of_form(said)
    form = config.get("format", said.get("output_format"))
    if form is None:
        return {}
    asked = given(mapping(form, place, "an object with type and schema"))
    check_names(asked, ("type", "schema", "name"), "it is not known: use type and schema", place)
    if asked.get("type") != "json_schema":
        raise wrong_value(asked.get("type"), f"{place}.type", "json_schema", "use")
    schema = json_object(asked.get("schema"), f"{place}.schema", "a JSON schema")
    check_schema(schema, f"{place}.schema")
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}},
    }


def _place_of_form(said: Mapping[str, Any]) -> str:
    return "output_config.format" if "format" in _config(said) else "output_format"


def _config(said: Mapping[str, Any]) -> dict[str, Any]:
    config = given(mapping(said.get("output_config", {}), "output_config", "an object with format"))
    check_names(config, ("format", "effort"), "it is not known: use format", "output_config")
    optional_text(config, "effort", "output_config")
    return config


def _thinking(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was said of it. Raises ValueError."""
    if "thinking" not in said:
        return None
    thinking = mapping(said["thinking"], "thinking", 'an object such as {"type": "adaptive"}')
    if thinking.get("type") not in THINKING:
        raise wrong_value(thinking.get("type"), "thinking.type", " or ".join(THINKING), "use")
    return thinking


def _shows(thinking: Mapping[str, Any]) -> bool:
    return thinking["type"] != "disabled" and thinking.get("display") != "omitted"


def _its_own(said: Mapping[str, Any], thinking: Mapping[str, Any] | None, *, kin: bool) -> dict[str, Any]:
    """What Anthropic's models alone understand."""
    top = said.get("top_k")
    if top is not None and (isinstance(top, bool) or not isinstance(top, int)):
        raise wrong("top_k", "top_k is to be a whole number")
    if kin:
        effort = _config(said).get("effort")
        config = None if effort is None else {"effort": effort}
        return given({"thinking": thinking, "top_k": top, "output_config": config})
    if top is not None:
        raise wrong(
            "top_k",
            "top_k is for Anthropic's own models: leave it out, or name them alone in model",
            "unsupported_parameter",
        )
    return {}
