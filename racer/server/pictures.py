"""Pictures that come as base64 -> data: URLs, as `race` takes them. Pure."""

from __future__ import annotations

import re

BASE64 = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_BEGINNINGS = (("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_TO_GIVE = "give a picture as base64"


def data_url(data: object, place: str, kind: str | None = None) -> str:
    """`kind` is its media type; None: as its first bytes say. Raises ValueError."""
    if not isinstance(data, str) or not data:
        raise ValueError(f"{place} is no text: {_TO_GIVE}")
    joined = "".join(data.split())  # some encoders break it into lines
    if BASE64.fullmatch(joined) is None:
        raise ValueError(f"{place} is no base64: {_TO_GIVE}")
    return f"data:{kind or kind_of(joined)};base64,{joined}"


def kind_of(data: str) -> str:
    """PNG where nothing else is known: so do most clients."""
    return next((kind for begins, kind in _BEGINNINGS if data.startswith(begins)), "image/png")
