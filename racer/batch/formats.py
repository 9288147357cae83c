"""The formats of a batch's input: what a line of it asks.

A line that cannot be asked is told, never raised. Only the outer shape is looked at here: what stands in
messages and options is checked where the options of every race are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson

from racer.batch.form import BLANK, MARK, TO_UTF_8, Form, form_of, misfit, object_in
from racer.batch.line import Bad, Prompt, id_of
from racer_adapters.jsontext import NotJson, parse
from racer_adapters.placed import shown, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.batch.line import Id


__all__ = ["FIELDS", "OPTIONS", "Form", "form_of", "row_understood", "understood"]

OPTIONS = {
    name: name
    for name in (
        "max_tokens",
        "temperature",
        "top_p",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "response_format",
    )
} | {"max_completion_tokens": "max_tokens"}
FIELDS = frozenset({"prompt", "messages", "system", "custom_id", "id", "model", *OPTIONS})

_NOT_EXTRA = frozenset({"messages", "model", "stream", "stream_options", "n"})
_OF_PROMPTS = ("prompt", "messages")
_PATH = "/chat/completions"
_URL = f"/v1{_PATH}"
_READ_AS_JSON = FIELDS - {"prompt", "system", "custom_id", "id", "model", "stop"}
_LIKE_PROMPTS = 'an object such as {"prompt": "…"} or {"messages": […]}'
_WANTED = {
    Form.REQUESTS: 'write an object such as {"custom_id": "…", "body": {"messages": […]}} in one line',
    Form.PROMPTS: f"write {_LIKE_PROMPTS} in one line",
    Form.TEXT: "keep to one form in a file",
    Form.TABLE: "write a row of cells",
}
_BEGAN = {
    Form.REQUESTS: "requests in OpenAI's batch form",
    Form.PROMPTS: 'JSON lines with "prompt" or "messages"',
    Form.TEXT: "plain text, a prompt a line",
    Form.TABLE: "a table",
}


# ---------------------------------------------------------------- what a line asks


def understood(raw: bytes, line: int, form: Form) -> Prompt | Bad | None:
    """What a line asks, or why it cannot be asked; None of a blank one. `raw` may have its line end."""
    if form is Form.TEXT:
        return _plain(raw, line)
    try:
        row = orjson.loads(raw)
    except NotJson:
        return _mended(raw, line, form)
    return _asked(row, line, form)


def row_understood(row: Mapping[str, object], line: int) -> Prompt | Bad | None:
    """The same of a mapping: a request in OpenAI's batch form, or one with `prompt` or `messages`."""
    if not row:
        return None
    return _request(row, line) if "body" in row and not _prompted(row) else _prompt(row, line)


def _mended(raw: bytes, line: int, form: Form) -> Prompt | Bad | None:
    """A line that orjson does not take as it is."""
    bare = raw.strip().removeprefix(MARK)
    if not bare:
        return None
    if misfit(bare):
        return _not_utf_8(bare, line)
    try:
        return _asked(parse(bare), line, form)
    except NotJson as error:
        found = f"it is {shown(bare.decode())}, not JSON ({error.msg} at column {error.colno})"
        return _bad(line, None, f"{found}, and {_other(form)}")


def _plain(raw: bytes, line: int) -> Prompt | Bad | None:
    try:
        text = raw.decode().removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError:
        return _not_utf_8(raw.strip(), line)
    if raw.strip() in BLANK:
        return None
    row = object_in(raw) if text.lstrip().startswith("{") else None
    if row is not None and ("body" in row or _prompted(row)):
        name = next(name for name in (*_OF_PROMPTS, "body") if name in row)
        return _bad(line, None, f'it is JSON with "{name}", but {_other(Form.TEXT)}')
    return Prompt(line, id_of(line), text)


def _asked(row: Any, line: int, form: Form) -> Prompt | Bad:
    if not isinstance(row, dict):
        return _bad(line, None, f"it is {'null' if row is None else shown(row)}, but {_other(form)}")
    said = cast("dict[str, Any]", row)
    if form is Form.REQUESTS:
        return _request(said, line)
    return _prompt(said if form is Form.PROMPTS else _of_cells(said), line, form)


def _prompt(row: Mapping[str, Any], line: int, form: Form = Form.PROMPTS) -> Prompt | Bad:
    given = row.get("custom_id")
    if given is None:
        given = row.get("id")
    try:
        known = _id(given, line)
        messages, model = _messages(row, form), row.get("model")
        options = {
            OPTIONS[name]: value for name, value in row.items() if name in OPTIONS and value is not None
        }
        return Prompt(line, known, messages, _limited(options, row), _model(model))
    except ValueError as error:
        return _bad(line, given, str(error))


def _request(row: Mapping[str, Any], line: int) -> Prompt | Bad:
    given = row.get("custom_id")
    try:
        known, body = _id(given, line), _body(row)
        messages, model = body.get("messages"), body.get("model")
        if not isinstance(messages, (list, tuple)):
            raise wrong(messages, "body.messages", "a list of messages")
        if body.get("n") not in (None, 1):
            raise ValueError(f"body.n is {_number(body['n'])}: a line has one reply, so give a line for each")
        listed = cast("Sequence[Mapping[str, Any]]", messages)
        return Prompt(line, known, listed, _settings(body), _model(model))
    except ValueError as error:
        return _bad(line, given, str(error))


def _body(row: Mapping[str, Any]) -> Mapping[str, Any]:
    method, url, body = row.get("method"), row.get("url"), row.get("body")
    if method not in ("POST", None) and not (isinstance(method, str) and method.upper() == "POST"):
        raise ValueError(f'method is {shown(method)}: only "POST" is done here; leave it out or write that')
    if url not in (_URL, None) and not (isinstance(url, str) and url.rstrip("/").endswith(_PATH)):
        raise ValueError(f'url is {shown(url)}: only chat completions are done here; write "{_URL}"')
    if isinstance(body, dict):
        return cast("dict[str, Any]", body)
    if body is None and _prompted(row):
        raise ValueError(f'it has no "body" but {_named(row)}, and {_other(Form.REQUESTS)}')
    if not isinstance(body, Mapping):
        raise wrong(body, "body", "an object with messages")
    return cast("Mapping[str, Any]", body)


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """As options of a race. What racer has no option for is sent as it is."""
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in body.items():
        if value is None or name in _NOT_EXTRA:
            continue
        if name in OPTIONS:
            options[OPTIONS[name]] = value
        else:
            extra[name] = value
    if extra:
        options["extra"] = extra
    return _limited(options, body)


def _limited(options: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Where both names of the same limit are given, the newer one holds, in whatever order they stand."""
    most = said.get("max_completion_tokens")
    if most is not None:
        options["max_tokens"] = most
    return options


def _messages(row: Mapping[str, Any], form: Form) -> str | Sequence[Mapping[str, Any]]:
    text, listed, system = row.get("prompt"), row.get("messages"), row.get("system")
    if text is None:
        if listed is None:
            raise ValueError(_nothing_asked(row, form))
        if not isinstance(listed, (list, tuple)):
            raise wrong(listed, "messages", "a list of messages")
    elif listed is not None:
        raise ValueError('it has both "prompt" and "messages": give one of them')
    elif not isinstance(text, str):
        raise wrong(text, "prompt", "a text, or a list of messages as messages")
    if system is None or system == "":
        return cast("str | Sequence[Mapping[str, Any]]", listed if text is None else text)
    if not isinstance(system, str):
        raise wrong(system, "system", "a text")
    asked: list[Any] = (
        [{"role": "user", "content": text}] if text is not None else [*cast("list[Any]", listed)]
    )
    return [{"role": "system", "content": system}, *asked]


def _nothing_asked(row: Mapping[str, Any], form: Form) -> str:
    if form is Form.TABLE:
        return "its prompt is empty: write one, or take the row out"
    if "body" in row:
        return f'it has a "body" but no prompt, and {_other(form)}'
    has = f"it has {_named(row)}" if row else "it is an empty object"
    return f"{has}, and neither prompt nor messages: write {_LIKE_PROMPTS}"


def _of_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table, in which an empty cell says nothing, and a number may stand as text."""
    found: dict[str, Any] = {}
    for name, cell in row.items():
        value = _cell(cell) if name in _READ_AS_JSON and isinstance(cell, str) else cell
        whole = isinstance(value, float) and value.is_integer() and name not in ("prompt", "system")
        if value is not None and value != "":
            found[name] = int(value) if whole else value
    return found


def _cell(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (NotJson, UnicodeEncodeError):
        return text


# ---------------------------------------------------------------- words and checks


def _id(given: object, line: int) -> Id:
    if given is None:
        return id_of(line)
    if isinstance(given, str):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and -(2**63) <= given < 2**64:
        return given
    raise ValueError(f"custom_id is {_number(given)}: give a text or a whole number of at most 64 bits")


def _model(given: object) -> str | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise wrong(given, "model", "its name, or leave it out")
    return given


def _number(value: object) -> str:
    small = isinstance(value, int) and abs(value) < 10**9
    return repr(value) if small or isinstance(value, float) else shown(value)


def _prompted(row: Mapping[str, Any]) -> bool:
    return "prompt" in row or "messages" in row


def _named(row: Mapping[str, Any]) -> str:
    names = [shown(name) for name in list(row)[:4]]
    return ", ".join([*names, "…"] if len(row) > len(names) else names)


def _other(form: Form) -> str:
    return f"the file began with {_BEGAN[form]}: {_WANTED[form]}"


def _not_utf_8(raw: bytes, line: int) -> Bad:
    return _bad(line, None, f"it {misfit(raw)}: {TO_UTF_8.format('LATIN1')}, if that is what it is")


def _bad(line: int, given: object, why: str) -> Bad:
    """With the custom_id that was given, where it can be kept."""
    try:
        known = _id(given, line)
    except ValueError:
        known = id_of(line)
    return Bad(line, known, f"line {line}: {why}")
