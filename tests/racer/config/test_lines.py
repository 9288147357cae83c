"""Finding the line of a key in a TOML text."""

from __future__ import annotations

import pytest

from racer.config.lines import line_of

TEXT = """\
# a comment with race.lanes = 1
race.lanes = 4

[cache] # why not
ttl = "24h"

[providers.groq]
"priority" = 3
limits = [
  { requests = 30, per = "minute" },
  # none
  { tokens = 5, per = "day" },
]
models = [{ name = "a" }, { name = "b" }]

[[providers.x.limits]]
per = "day"

[[ providers.x.limits ]]
per = "hour"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("race", "lanes"), 2),
        (("cache",), 4),
        (("cache", "ttl"), 5),
        (("providers", "groq", "priority"), 8),
        (("providers", "groq", "limits"), 9),
        (("providers", "groq", "limits", 0, "per"), 10),
        (("providers", "groq", "limits", 1, "tokens"), 12),
        (("providers", "groq", "limits", 7), 9),
        (("providers", "groq", "models", 1, "name"), 14),
        (("providers", "groq", "base_url"), 7),
        (("providers", "x", "limits", 0, "per"), 17),
        (("providers", "x", "limits", 1, "per"), 20),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_line_of(path: tuple[str | int, ...], line: int | None) -> None:
    """The line is that of the key, of its entry, or of the nearest table that was written."""
    assert line_of(TEXT, path) == line


def test_no_text() -> None:
    """A table that came from no text has no lines."""
    assert line_of("", ("race", "lanes")) is None
