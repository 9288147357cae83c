"""The caller's input, in OpenAI's form -> our records, checked.

Whatever is wrong raises ValueError with one sentence that names the place and the remedy. Nothing of the
caller's is changed or kept: what we keep is plain text or a copy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from racer_adapters.placed import (
    items,
    json_object,
    mapping,
    optional_bool,
    optional_text,
    shown,
    text,
    wrong,
)
from racer_adapters.types import ImagePart, Message, Part, Shape, TextPart, Tool, ToolCall, ToolChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer_adapters.types import Role

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
MEBIBYTE = 1024 * 1024
LARGEST_IMAGE = 20 * MEBIBYTE  # as it travels; a bound of our own, for every lane gets a copy
_IMAGE = "an https: address or a data: URL"
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SCHEMA = "a JSON schema, as a mapping"


def parse_messages(messages: object) -> tuple[Message, ...]:
    """From a text, or from a list of messages."""
    if isinstance(messages, str):
        if not messages.strip():
            raise ValueError("the prompt is empty: write something")
        return (Message("user", text(messages, "the prompt", "a text")),)
    given = items(messages, "messages", "a text, or a list of messages with role and content")
    if not given:
        raise ValueError("messages is an empty list: give at least one message")
    parsed = tuple(_simple(item) or _message(item, f"messages[{index}]") for index, item in enumerate(given))
    _check_results(parsed)
    return parsed


def parse_tools(tools: object) -> tuple[Tool, ...]:
    """From a list of OpenAI's function tools; None is no tools."""
    given = [] if tools is None else items(tools, "tools", "a list of tools")
    parsed: dict[str, Tool] = {}
    for index, item in enumerate(given):
        tool = _tool(item, f"tools[{index}]")
        if tool.name in parsed:
            raise ValueError(f"tools[{index}] is a second {shown(tool.name)}: give each tool its own name")
        parsed[tool.name] = tool
    return tuple(parsed.values())


def parse_tool_choice(choice: object, tools: Sequence[Tool]) -> ToolChoice | None:
    """From "auto", "none", "required" or a function by name, which must be among `tools`."""
    if choice is None or (choice in ("auto", "none") and not tools):
        return None
    if not tools:
        raise ValueError("tool_choice is given without tools: give tools too, or leave tool_choice out")
    if choice == "auto":
        return ToolChoice("auto")
    if choice == "none":
        return ToolChoice("none")
    if choice == "required":
        return ToolChoice("required")
    named = mapping(choice, "tool_choice", '"auto", "none", "required" or a function by name')
    function = mapping(named.get("function"), "tool_choice.function", "a mapping with a name")
    name = text(function.get("name"), "tool_choice.function.name", "the name of one of the tools")
    known = [tool.name for tool in tools]
    if name not in known:
        raise ValueError(f"tool_choice names the unknown tool {shown(name)}: use {' or '.join(known)}")
    return ToolChoice("named", name)


def parse_response_format(form: object) -> Shape | None:
    """From OpenAI's `response_format`; None and {"type": "text"} ask for nothing."""
    if form is None:
        return None
    asked = mapping(form, "response_format", 'a mapping such as {"type": "json_object"}')
    kind = asked.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Shape("json")
    if kind != "json_schema":
        raise wrong(kind, "response_format.type", "text, json_object or json_schema", "use")
    place = "response_format.json_schema"
    said = mapping(asked.get("json_schema"), place, "a mapping with name and schema")
    return Shape(
        "schema",
        schema=json_object(said.get("schema"), f"{place}.schema", _SCHEMA),
        name=optional_text(said, "name", place) or "reply",
        strict=optional_bool(said, "strict", place),
    )


def parse_extra(extra: object) -> dict[str, Any]:
    """A copy of the caller's further body fields; None is none."""
    return {} if extra is None else json_object(extra, "extra", "a mapping of body fields")


def _simple(item: object) -> Message | None:
    """Nearly every message is a role and a text, with nothing wrong: so it has a short way."""
    if type(item) is not dict or len(item) != 2:  # pyright: ignore[reportUnknownArgumentType]  of anything
        return None
    said: dict[object, object] = item  # pyright: ignore[reportUnknownVariableType]
    role, content = said.get("role"), said.get("content")
    if type(role) is not str or role == "tool" or type(content) is not str:
        return None
    known = ROLES.get(role)
    return Message(known, content) if known and content.isascii() and content.strip() else None


def _message(item: object, place: str) -> Message:
    said = mapping(item, place, "a mapping with role and content")
    role = _role(said.get("role"), f"{place}.role")
    if said.get("function_call") is not None:
        raise ValueError(f"{place}.function_call is the old form: use tool_calls")
    calls = _tool_calls(said.get("tool_calls"), f"{place}.tool_calls")
    content = _content(said.get("content"), f"{place}.content", optional=bool(calls))
    if role in ("user", "assistant") and not calls and _is_blank(content):
        raise ValueError(f"{place}.content is empty: write something, or leave the message out")
    call_id = optional_text(said, "tool_call_id", place)
    if role == "tool" and call_id is None:
        raise ValueError(f"{place}.tool_call_id is missing: name the call that this is the result of")
    return Message(role, content, calls, call_id, optional_text(said, "name", place))


def _check_results(messages: Sequence[Message]) -> None:
    """No provider takes a result that nobody asked for."""
    called: set[str] = set()
    for index, message in enumerate(messages):
        called.update(call.id for call in message.tool_calls)
        if message.tool_call_id is not None and message.role == "tool" and message.tool_call_id not in called:
            raise ValueError(
                f"messages[{index}].tool_call_id is {shown(message.tool_call_id)}, and no message before it "
                "has a tool call of this id: give the assistant's message with its tool_calls, too"
            )


def _role(role: object, place: str) -> Role:
    if not isinstance(role, str) or role not in ROLES:
        raise wrong(role, place, "system, user, assistant or tool", "use")
    return ROLES[role]


def _content(content: object, place: str, *, optional: bool) -> str | tuple[Part, ...]:
    if content is None and optional:
        return ""
    if isinstance(content, str):
        return text(content, place, "a text", empty_is_fine=True)
    given = items(content, place, "a text or a list of parts")
    return tuple(_part(item, f"{place}[{index}]") for index, item in enumerate(given))


def _part(item: object, place: str) -> Part:
    said = mapping(item, place, "a part of type text or image_url")
    kind = said.get("type")
    if kind == "text":
        return TextPart(text(said.get("text"), f"{place}.text", "a text", empty_is_fine=True))
    if kind != "image_url":
        raise wrong(kind, f"{place}.type", "text or image_url", "use")
    place = f"{place}.image_url"
    image = said.get("image_url")
    if isinstance(image, str):
        return ImagePart(_image_url(image, place))
    image = mapping(image, place, f"{_IMAGE}, or a mapping with url")
    return ImagePart(_image_url(image.get("url"), f"{place}.url"), optional_text(image, "detail", place))


def _image_url(url: object, place: str) -> str:
    given = text(url, place, _IMAGE)
    if not given.startswith(("https://", "http://", "data:")):
        raise wrong(given, place, _IMAGE)
    if given.startswith("data:") and "," not in given:
        raise wrong(given, place, "the data too, as in data:image/png;base64,…")
    if len(given) > LARGEST_IMAGE:
        size, most = len(given) / MEBIBYTE, LARGEST_IMAGE // MEBIBYTE
        raise ValueError(f"{place} holds {size:.0f} MiB: make the picture smaller than {most} MiB")
    return given


def _is_blank(content: str | tuple[Part, ...]) -> bool:
    if isinstance(content, str):
        return not content.strip()
    return all(isinstance(part, TextPart) and not part.text.strip() for part in content)


def _tool_calls(calls: object, place: str) -> tuple[ToolCall, ...]:
    given = [] if calls is None else items(calls, place, "a list of tool calls")
    return tuple(_tool_call(item, f"{place}[{index}]") for index, item in enumerate(given))


def _tool_call(item: object, place: str) -> ToolCall:
    said = mapping(item, place, "a mapping with id and function")
    function = mapping(said.get("function"), f"{place}.function", "a mapping with name and arguments")
    return ToolCall(
        id=text(said.get("id"), f"{place}.id", "the id of the call"),
        name=text(function.get("name"), f"{place}.function.name", "the name of the tool"),
        arguments=_arguments(function.get("arguments"), f"{place}.function.arguments"),
        signature=_signature(said.get("extra_content"), f"{place}.extra_content"),
    )


def _signature(extra: object, place: str) -> str:
    """What Google's own OpenAI-compatible endpoint adds to a call of its models."""
    if extra is None:
        return ""
    google = mapping(extra, place, "a mapping").get("google")
    if google is None:
        return ""
    said = mapping(google, f"{place}.google", "a mapping")
    return optional_text(said, "thought_signature", f"{place}.google") or ""


def _arguments(arguments: object, place: str) -> str:
    if isinstance(arguments, str):
        return text(arguments, place, "JSON text", empty_is_fine=True)
    return orjson.dumps(json_object(arguments, place, "JSON text")).decode()


def _tool(item: object, place: str) -> Tool:
    said = mapping(item, place, 'a mapping {"type": "function", "function": {…}}')
    if said.get("type") != "function":
        raise wrong(said.get("type"), f"{place}.type", "function", "use")
    place = f"{place}.function"
    function = mapping(said.get("function"), place, "a mapping with name and parameters")
    return Tool(
        name=_tool_name(function.get("name"), f"{place}.name"),
        description=optional_text(function, "description", place),
        parameters=_parameters(function.get("parameters"), f"{place}.parameters"),
        strict=optional_bool(function, "strict", place),
    )


def _tool_name(name: object, place: str) -> str:
    given = text(name, place, "the name of the tool")
    if _TOOL_NAME.fullmatch(given) is None:
        raise wrong(given, place, "at most 64 of the characters a-z, A-Z, 0-9, _ and -", "use")
    return given


def _parameters(schema: object, place: str) -> dict[str, Any] | None:
    """Always an object's: it is by their names that a model gives a tool its arguments."""
    if schema is None:
        return None
    given = json_object(schema, place, _SCHEMA)
    if given.get("type", "object") != "object":
        raise wrong(given["type"], f"{place}.type", "object", "use")
    properties = mapping(given.get("properties", {}), f"{place}.properties", "a mapping of names to schemas")
    for name, one in properties.items():
        if not isinstance(one, bool):
            mapping(one, f"{place}.properties.{name}", _SCHEMA)
    required = items(given.get("required", []), f"{place}.required", "a list of names")
    for index, one in enumerate(required):
        text(one, f"{place}.required[{index}]", "the name of a property", empty_is_fine=True)
    return given
