"""Who races: each peer in each of its ways, and what stands beside whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """`module` is run as a child by the environment `home` ("" is this one); `mode` is told to it.

    `streams`: whether it asks for a stream, and so which of the two made by hand it stands beside.
    """

    title: str
    home: str
    module: str
    mode: str
    streams: bool

    @property
    def key(self) -> str:
        return f"{self.module}:{self.mode}"


CAST = (
    Entry("by hand, stream", "", "by_hand", "stream", True),
    Entry("by hand, whole", "", "by_hand", "whole", False),
    Entry("OpenAI SDK, stream", "openai", "openai_race", "stream", True),
    Entry("OpenAI SDK, whole", "openai", "openai_race", "whole", False),
    Entry("LiteLLM, stream", "litellm", "litellm_race", "stream", True),
    Entry("LiteLLM, whole", "litellm", "litellm_race", "whole", False),
    Entry("freelm, stream", "freelm", "freelm_client", "stream", True),
    Entry("freelm, whole", "freelm", "freelm_client", "whole", False),
    Entry("freellmpool, whole", "freellmpool", "freellmpool_client", "whole", False),
    Entry("racer `all`", "", "racer_client", "all", True),
    Entry("racer `frugal`", "", "racer_client", "frugal", True),
    Entry("racer `one`", "", "racer_client", "one", False),
)
BY_HAND = {True: "by_hand:stream", False: "by_hand:whole"}
SINGLE = "racer_client:one"  # one lane at a time, the next when it has failed
# Who is asked in one way only where ways make no difference.
ONE_WAY = (
    "by_hand:stream",
    "openai_race:stream",
    "litellm_race:stream",
    "freelm_client:stream",
    "freellmpool_client:whole",
    "racer_client:all",
    "racer_client:frugal",
    "racer_client:one",
)


def entries(keys: tuple[str, ...] | None = None) -> tuple[Entry, ...]:
    return tuple(entry for entry in CAST if keys is None or entry.key in keys)
