"""Race language models: the best lanes start at once, the first valid reply wins, the rest are stopped.

The names below are loaded when they are first used: `racer --help` and whoever imports one part of racer
need not wait for an HTTP client.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own costs an import as much as Python's start

if TYPE_CHECKING:
    from typing import Any

    from racer.api import Racer as Racer
    from racer.api import race as race
    from racer.batch.batch import Batch as Batch
    from racer.batch.line import Result as Result
    from racer.config import Config as Config
    from racer.core.piece import Piece as Piece
    from racer.core.reply import Attempt as Attempt
    from racer.core.reply import Reply as Reply
    from racer.errors import BadRequest as BadRequest
    from racer.errors import BatchStopped as BatchStopped
    from racer.errors import ConfigError as ConfigError
    from racer.errors import DeadlineExceeded as DeadlineExceeded
    from racer.errors import InvalidReply as InvalidReply
    from racer.errors import JobError as JobError
    from racer.errors import NoLanes as NoLanes
    from racer.errors import RaceLost as RaceLost
    from racer.errors import RacerError as RacerError
    from racer.errors import StoreError as StoreError
    from racer.errors import StreamBroken as StreamBroken
    from racer.stream import Stream as Stream

__all__ = [
    "Attempt",
    "BadRequest",
    "Batch",
    "BatchStopped",
    "Config",
    "ConfigError",
    "DeadlineExceeded",
    "InvalidReply",
    "JobError",
    "NoLanes",
    "Piece",
    "RaceLost",
    "Racer",
    "RacerError",
    "Reply",
    "Result",
    "StoreError",
    "Stream",
    "StreamBroken",
    "race",
]

_HOMES = {
    "Racer": "racer.api",
    "race": "racer.api",
    "Batch": "racer.batch.batch",
    "Result": "racer.batch.line",
    "Config": "racer.config",
    "Attempt": "racer.core.reply",
    "Piece": "racer.core.piece",
    "Reply": "racer.core.reply",
    "Stream": "racer.stream",
}


if not TYPE_CHECKING:  # for checkers, a name that is not there is an error

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'racer' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES.get(name, "racer.errors")), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
