"""A length of time as people write it: "24h", "1h30m"."""

from __future__ import annotations

import re

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float | None:
    """ "24h" or "1h30m" in seconds; None where the text is no such thing."""
    if not re.fullmatch(r"(?:\d{1,9}(?:\.\d{1,6})?[smhd])+", text, re.ASCII):
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))
