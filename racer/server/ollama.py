"""Ollama's chat: bodies of its clients read, replies written as its clients expect them.

1. Streamed unless `stream` is false. `model` may end in `:latest`, which its clients add.
2. What Ollama alone knows (`think`, options such as top_k) goes on to its own kind, where `model` lets nobody
   else be asked. Elsewhere an option of sampling is refused by its name; `think: false` keeps thoughts out of
   the answer, and a level of it is passed on as `reasoning_effort`.
3. How a model is held in memory is the business of whoever runs it: `keep_alive`, num_gpu and their like are
   without effect, and so is num_ctx for others than Ollama. No lane is asked whose context is too short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from racer.server.fields import ELSEWHERE, all_speak, check_names, flag, given
from racer.server.names import options_of
from racer.server.ollama_stream import Lines, answer_of
from racer.server.ollama_turns import turns
from racer.server.question import Question, Refused, place_in, wrong
from racer.server.schemas import check_schema
from racer_adapters.placed import items, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.options import Options
    from racer.core.provider import Lane
    from racer.core.reply import Reply

DIALECT = "ollama"
LATEST = ":latest"
USED = ("model", "messages", "stream", "tools", "format", "options", "think")
NO_EFFECT = ("keep_alive", "truncate", "shift")
_SAYS_NOTHING: Mapping[str, object] = {"logprobs": False, "top_logprobs": 0, "format": ""}
_INSTEAD: Mapping[str, str] = {
    "logprobs": "providers do not agree on them: leave it out",
    "top_logprobs": "providers do not agree on them: leave it out",
    "template": "each provider has its own: leave it out",
}
_UNKNOWN = f"it is not known: use the fields of Ollama's /api/chat; {ELSEWHERE}"

SAMPLING = ("temperature", "top_p", "stop", "seed")
PENALTIES = ("presence_penalty", "frequency_penalty")
ITS_OWN = (
    "top_k", "min_p", "typical_p", "tfs_z", "repeat_penalty", "repeat_last_n", "mirostat", "mirostat_tau",
    "mirostat_eta", "penalize_newline",
)  # fmt: skip
HELD = (
    "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "low_vram", "f16_kv", "logits_all",
    "vocab_only", "use_mmap", "use_mlock", "embedding_only", "numa",
)  # fmt: skip
CONTEXT = "num_ctx"
_OPTIONS = (*SAMPLING, *PENALTIES, *ITS_OWN, *HELD, CONTEXT, "num_predict")
_NAMES: Mapping[str, str] = {
    **{name: f"options.{name}" for name in SAMPLING},
    "max_tokens": "options.num_predict",
    "response_format": "format",
}
_UNKNOWN_OPTION = "it is not known: use the options of Ollama's /api/chat"
_LEVELS = ("low", "medium", "high", "max")


class Ollama:
    """The surface of POST /api/chat."""

    def question(self, body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
        try:
            return _question(body, lanes)
        except ValueError as error:
            raise Refused(400, str(error), param=place_in(str(error)), again=False) from None

    def whole(self, question: Question, reply: Reply) -> Mapping[str, Any]:
        return answer_of(reply, thoughts=question.echo["thoughts"])

    def encoder(self, question: Question) -> Lines:
        return Lines(thoughts=question.echo["thoughts"])

    def refusal(self, refused: Refused) -> Mapping[str, Any]:
        return {"error": refused.message}


SURFACE = Ollama()


def without_latest(model: object) -> object:
    """A name as it is known here: Ollama's clients write `auto:latest` for `auto`."""
    if not isinstance(model, str):
        return model
    return ",".join(name.strip().removesuffix(LATEST) for name in model.split(","))


def _question(body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
    said = {name: value for name, value in given(body).items() if value != _SAYS_NOTHING.get(name, ...)}
    check_names(said, (*USED, *NO_EFFECT), _UNKNOWN, instead=_INSTEAD)
    options: dict[str, Any] = dict(options_of(without_latest(said.get("model")), lanes))
    kin = all_speak(DIALECT, cast("Options", options), lanes)
    asked = given(mapping(said.get("options", {}), "options", 'an object such as {"temperature": 0}'))
    check_names(asked, _OPTIONS, _UNKNOWN_OPTION, "options")
    options |= _sampling(asked)
    if tools := items(said.get("tools", []), "tools", "a list of tools"):
        options["tools"] = tools
    if (form := _form(said.get("format"))) is not None:
        options["response_format"] = form
    if extra := _extra(asked, _think(said), kin=kin):
        options["extra"] = extra
    return Question(
        messages=turns(said.get("messages")),
        options=cast("Options", options),
        model=said["model"],
        stream=flag(said, "stream", default=True),
        echo={"thoughts": said.get("think") is not False},
        names=_NAMES,
    )


def _sampling(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Options that `race` has, too. Below 1, num_predict means no end; a seed of -1 any."""
    found = {name: asked[name] for name in SAMPLING if name in asked}
    if found.get("seed") == -1:
        del found["seed"]
    most = asked.get("num_predict", -1)
    if isinstance(most, bool) or not isinstance(most, int):
        raise wrong("options.num_predict", "options.num_predict is to be a whole number")
    return found | ({"max_tokens": most} if most > 0 else {})


def _extra(asked: Mapping[str, Any], think: bool | str | None, *, kin: bool) -> dict[str, Any]:
    """What goes into the bodies of providers as it is."""
    numbers = {name: _number(asked, name) for name in (*PENALTIES, *ITS_OWN, CONTEXT) if name in asked}
    if kin:
        return given({"options": numbers or None, "think": think})
    extra: dict[str, Any] = {name: numbers[name] for name in PENALTIES if numbers.get(name)}
    for name in ITS_OWN:
        if name in numbers:
            place = f"options.{name}"
            raise wrong(
                place,
                f"{place} is for Ollama's own models: leave it out, or name them alone in model",
                "unsupported_parameter",
            )
    return extra | ({"reasoning_effort": think} if isinstance(think, str) else {})


def _number(asked: Mapping[str, Any], name: str) -> object:
    value = asked[name]
    if not isinstance(value, (int, float)):
        raise wrong(f"options.{name}", f"options.{name} is to be a number")
    return value


def _think(said: Mapping[str, Any]) -> bool | str | None:
    think = said.get("think")
    if think is not None and not isinstance(think, bool) and think not in _LEVELS:
        raise wrong("think", f"think is to be true, false, or one of {', '.join(_LEVELS)}")
    return cast("bool | str | None", think)


def _form(form: object) -> Mapping[str, Any] | None:
    """`format` -> `response_format`."""
    if form is None:
        return None
    if form == "json":
        return {"type": "json_object"}
    schema = mapping(form, "format", '"json", or a JSON schema')
    check_schema(schema, "format")
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
