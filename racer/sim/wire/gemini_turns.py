"""The turns of a conversation in Google's form, and the rules for calls of tools among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.conversation import Said
from racer.sim.exchange import Refusal, Unfit
from racer.sim.json_value import as_array, as_object

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = {"user": "user", "model": "assistant"}
CALL, RESULT = "functionCall", "functionResponse"
KINDS = ("text", "inlineData", "fileData", CALL, RESULT)
MISCOUNTED = (
    "Please ensure that the number of function response parts is equal to the number of function call parts "
    "of the function call turn."
)
UNSIGNED = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
    "correctly. Additional data, function call `{name}`, position {place}."
)


def unfit(message: str) -> Unfit:
    return Unfit(Refusal("bad_field", message))


def read_system(found: Any, model: str) -> list[Said]:
    """Raises Unfit: the older Gemma models have no place for it."""
    if found is None:
        return []
    if model.startswith("gemma-3"):
        raise unfit(f"Developer instruction is not enabled for models/{model}")
    return [Said(_text(_parts(found, "system_instruction")), "system")]


def read_turns(contents: Sequence[Any]) -> list[Said]:
    """Raises Unfit."""
    return [_said(content, place) for place, content in enumerate(contents)]


def check_turns(contents: Sequence[Any], *, signed: bool) -> None:
    """Every call is answered in the next turn, and the first one of a turn is signed. Raises Unfit."""
    turns = [as_object(content) or {} for content in contents]
    calls: list[Any] = []
    for place, turn in enumerate(turns):
        parts = [as_object(part) or {} for part in as_array(turn.get("parts")) or ()]
        if sum(RESULT in part for part in parts) != len(calls):
            raise unfit(MISCOUNTED)
        calls = [part for part in parts if CALL in part]
        if signed and calls and not calls[0].get("thoughtSignature"):
            name = (as_object(calls[0][CALL]) or {}).get("name")
            raise unfit(UNSIGNED.format(name=name, place=place + 1))


def _said(content: Any, place: int) -> Said:
    where = f"contents[{place}]"
    role = str((as_object(content) or {}).get("role", "user"))
    if role not in ROLES:
        raise unfit("Please use a valid role: user, model.")
    parts = _parts(content, where)
    return Said(_text(parts), ROLES[role], plain=not any(CALL in part for part in parts))


def _parts(content: Any, where: str) -> list[dict[str, Any]]:
    parts = [as_object(part) or {} for part in as_array((as_object(content) or {}).get("parts")) or ()]
    if not parts:
        raise unfit(f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.")
    for n, part in enumerate(parts):
        if len([kind for kind in KINDS if kind in part]) != 1:
            raise unfit(f"* GenerateContentRequest.{where}.parts[{n}].data: required oneof field 'data'")
    return parts


def _text(parts: Sequence[dict[str, Any]]) -> str:
    return "\n".join(_words(part) for part in parts)


def _words(part: dict[str, Any]) -> str:
    """What a part says: of a picture where it is, of a call nothing, as in the other dialects."""
    text, data, file = part.get("text"), as_object(part.get("inlineData")), as_object(part.get("fileData"))
    if isinstance(text, str):
        return text
    if data is not None:
        return f"data:{data.get('mimeType')};base64,{data.get('data')}"
    if file is not None:
        return str(file.get("fileUri"))
    result = as_object(part.get(RESULT))
    if result is None:
        return ""
    if not result.get("name"):
        raise unfit("* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.")
    return orjson.dumps(result.get("response")).decode()
