"""Refusals of the OpenAI dialect: each provider's status, wording and form of body."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Reply
from racer.sim.wire.flavour import FLAVOURS
from racer.sim.wire.openai_headers import limit_headers, span
from racer.sim.wire.openai_shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Refusal, Why
    from racer.sim.quota import Closed
    from racer.sim.wire.flavour import Flavour

WORDS: Mapping[Why, str] = {
    "no_route": "Invalid URL",
    "method": "Not allowed to use this method on the URL",
    "no_key": "You did not provide an API key in the Authorization header",
    "bad_key": "Incorrect API key provided: {subject}",
    "bad_json": "The body of the request is not valid JSON",
    "bad_turns": "The last message must be one of the user",
    "unknown_field": "Unsupported parameter: '{subject}' is not supported with this model",
    "no_model": "The model `{subject}` does not exist or you do not have access to it",
    "too_big": "Request entity too large",
    "parallel": "Too many concurrent requests",
    "no_quota": "You exceeded your current quota, please check your plan and billing details",
    "credit": "Insufficient credits: add credits to go on",
    "forbidden": "You are not allowed to use this resource",
    "server": "The server had an error while processing your request",
    "gateway": "Bad gateway",
    "unavailable": "The service is temporarily unavailable, please try again later",
    "timeout": "Gateway timeout",
    "overloaded": "The model is overloaded, please try again later",
}


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    flavour = FLAVOURS[moment.provider.flavour]
    status = status_of(refusal, flavour)
    headers = {"content-type": "application/json", "x-request-id": f"req-{moment.serial}"}
    headers |= limit_headers(flavour.headers, moment, refusal.closed) | _wait_headers(refusal, flavour)
    return Reply(status, headers, orjson.dumps(error_body(refusal, moment)))


def status_of(refusal: Refusal, flavour: Flavour) -> int:
    return flavour.statuses.get(refusal.why, STATUSES[refusal.why])


def error_body(refusal: Refusal, moment: Moment) -> dict[str, Any]:
    flavour = FLAVOURS[moment.provider.flavour]
    return SHAPES[flavour.shape](refusal, status_of(refusal, flavour), wording(refusal, moment))


def wording(refusal: Refusal, moment: Moment) -> str:
    if refusal.message:
        return refusal.message
    if refusal.closed is not None:
        return LIMIT_WORDS.get(moment.provider.flavour, _limit_words)(refusal, refusal.closed)
    if refusal.why == "too_long":
        return _too_long_words(refusal, moment)
    if refusal.why == "no_model" and moment.provider.flavour == "openrouter":
        return f"{refusal.subject} is not a valid model ID"
    return WORDS[refusal.why].format(subject=refusal.subject)


def _too_long_words(refusal: Refusal, moment: Moment) -> str:
    limit = moment.provider.context
    if moment.provider.flavour == "cerebras":
        return f"Current length is {refusal.subject} while limit is {limit}"
    return (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in "
        f"{refusal.subject} tokens. Please reduce the length of the messages."
    )


def _limit_words(refusal: Refusal, closed: Closed) -> str:
    standing = closed.standing
    short = f" ({standing.unit[0].upper()}P{standing.period[0].upper()})" if standing.period.isalpha() else ""
    where = f"{standing.unit} per {standing.period.replace('minute', 'min')}{short}"
    if closed.requested > standing.limit:
        size = f"Limit {standing.limit}, Requested {closed.requested}"
        return f"Request too large for `{refusal.subject}` on {where}: {size}."
    wait = refusal.retry_after
    again = ""
    if isinstance(wait, float) and math.isfinite(wait):
        again = f" Please try again in {span(wait)}."
    return (
        f"Rate limit reached for `{refusal.subject}` in organization `org_sim` on {where}: "
        f"Limit {standing.limit}, Used {standing.used}, Requested {closed.requested}.{again}"
    )


def _groq_words(refusal: Refusal, closed: Closed) -> str:
    tier = "in organization `org_sim` service tier `on_demand`"
    text = _limit_words(refusal, closed).replace("in organization `org_sim`", tier)
    return text.replace("per min (", "per minute (")


def _openrouter_words(refusal: Refusal, closed: Closed) -> str:
    return f"Rate limit exceeded: free-models-per-{closed.standing.period.replace('minute', 'min')}."


def _cerebras_words(refusal: Refusal, closed: Closed) -> str:
    unit = closed.standing.unit
    done = "sent" if unit == "requests" else "processed"
    return f"{unit.capitalize()} per {closed.standing.period} limit exceeded - too many {unit} {done}."


def _mistral_words(refusal: Refusal, closed: Closed) -> str:
    return "Service tier capacity exceeded for this model."


LIMIT_WORDS: Mapping[str, Callable[[Refusal, Closed], str]] = {
    "groq": _groq_words,
    "openrouter": _openrouter_words,
    "cerebras": _cerebras_words,
    "mistral": _mistral_words,
}


def _wait_headers(refusal: Refusal, flavour: Flavour) -> dict[str, str]:
    wait = refusal.retry_after
    if isinstance(wait, str):
        return {"retry-after": wait}
    if wait is None or not flavour.waits or not math.isfinite(wait):
        return {}
    exact = {"retry-after-ms": str(math.ceil(wait * 1000))} if flavour.headers == "openai" else {}
    return {"retry-after": str(math.ceil(wait)), **exact}
