"""Race language models: the best lanes start at once, the first valid reply wins, the rest are stopped."""

from __future__ import annotations

from racer.api import Racer as Racer
from racer.api import race as race
from racer.config import Config as Config
from racer.core.reply import Attempt as Attempt
from racer.core.reply import Reply as Reply
from racer.errors import BadRequest as BadRequest
from racer.errors import ConfigError as ConfigError
from racer.errors import DeadlineExceeded as DeadlineExceeded
from racer.errors import InvalidReply as InvalidReply
from racer.errors import NoLanes as NoLanes
from racer.errors import RaceLost as RaceLost
from racer.errors import RacerError as RacerError
from racer.errors import StreamBroken as StreamBroken

__all__ = [
    "Attempt",
    "BadRequest",
    "Config",
    "ConfigError",
    "DeadlineExceeded",
    "InvalidReply",
    "NoLanes",
    "RaceLost",
    "Racer",
    "RacerError",
    "Reply",
    "StreamBroken",
    "race",
]
