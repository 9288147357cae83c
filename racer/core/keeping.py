"""A reply as bytes that may be kept, and back: what is damaged, or of another version, is no reply."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256

from racer.core.reply import Reply
from racer_adapters.types import ToolCall, Usage

FORM = b"racer reply 1"
DIGEST = 32
KEPT = ("text", "reasoning", "finish_reason", "provider", "model", "created")


def to_bytes(reply: Reply) -> bytes:
    """What was said, by whom, and what it cost; not how the race went, and not `parsed`."""
    said = {name: getattr(reply, name) for name in KEPT}
    said["usage"] = asdict(reply.usage)
    said["tool_calls"] = [asdict(call) for call in reply.tool_calls]
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _digest(body) + body


def from_bytes(kept: bytes, race_id: str) -> Reply | None:
    """The reply, as one that `race_id` found in the cache at once; None where these are not its bytes."""
    digest, body = kept[:DIGEST], kept[DIGEST:]
    if digest != _digest(body):
        return None
    said = json.loads(body.decode("utf-8", "surrogatepass"))
    usage, calls = Usage(**said.pop("usage")), said.pop("tool_calls")
    tool_calls = tuple(ToolCall(**call) for call in calls)
    return Reply(**said, usage=usage, tool_calls=tool_calls, latency=0.0, race_id=race_id, cached=True)


def _digest(body: bytes) -> bytes:
    """It tells a damaged reply from a whole one, and another version's form from this one's."""
    return sha256(FORM + body).digest()
