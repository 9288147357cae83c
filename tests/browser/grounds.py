"""A server for a browser to look at, in a thread of its own, with simulated providers behind it."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.from_thread import start_blocking_portal

from racer import Racer
from racer.accounts.inquiry import Inquiry
from racer.accounts.reckoning import stated
from racer.cli.simulated import rows_of
from racer.config import ServerSettings, compose
from racer.errors import RacerError
from racer.server.app import Server
from racer.server.audience import Audience
from racer.sim import Simulator, parse_profile
from racer.timepiece import timepiece
from tests.racer.server.houses import QUICK

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from racer.config import Config
    from racer.exchange import Transport

# Who answers at once, who takes its time, who is on this machine, and who always fails.
LANES = """
name = "grounds"
seed = 3
length = 24

[providers.swift]
models = ["small"]
first_token = 0.25
rate = 60

[providers.steady]
models = ["large"]
first_token = 2.5
rate = 50

[providers.box]
models = ["local"]
first_token = 0.8
rate = 20

[providers.ill]
models = ["m"]
faults = [{ kind = "500", delay = 0.1 }]
"""
MORE: Mapping[str, dict[str, Any]] = {
    "sim-swift": {"limits": [{"requests": 20, "per": "day"}, {"tokens": 90_000, "per": "day"}]},
    "sim-steady": {"limits": [{"requests": 1500, "per": "month"}]},
    "sim-box": {"local": True},
}


@dataclass
class Grounds:
    """The server, and what a test wants of it from outside its thread."""

    portal: BlockingPortal
    racer: Racer
    server: Server
    config: Config
    folder: Path

    @property
    def url(self) -> str:
        return self.server.url

    def race(self, prompt: str = "hello", **options: Any) -> None:
        """To its end, whichever that is."""
        self.portal.call(partial(self._race, prompt, **options))

    def begin(self, prompt: str = "hello", **options: Any) -> None:
        """And do not wait for it."""
        self.portal.start_task_soon(partial(self._race, prompt, **options))

    async def _race(self, prompt: str, **options: Any) -> None:
        try:
            await self.racer.race(prompt, **options)
        except RacerError:
            return

    def usage(self) -> dict[str, Any]:
        """What `racer usage --json --forecast --saved` prints."""
        inquiry = Inquiry(forecast=True, saved=True)
        return stated(inquiry, self.config, self.folder, timepiece()).to_dict()

    def stop(self) -> None:
        self.portal.call(self.server.stop, 0.0)

    def start(self) -> None:
        """The server again, where it was."""
        settings = replace(self.server.house.settings, port=self.server.port)
        self.server = Server(self.racer, settings, Audience(), timeouts=QUICK)
        self.portal.call(self.server.__aenter__)


@contextmanager
def grounds(
    folder: Path,
    *,
    lanes: str = LANES,
    config: Config | None = None,
    transport: Transport | None = None,
    **settings: Any,
) -> Generator[Grounds]:
    """`config` and `transport` instead of simulated lanes; `settings` are the server's."""
    asked = replace(ServerSettings(port=0), **settings)
    with start_blocking_portal() as portal:
        place = _placed(portal, folder, lanes, config, transport, asked)
        with portal.wrap_async_context_manager(place) as found:
            yield found


@asynccontextmanager
async def _placed(
    portal: BlockingPortal,
    folder: Path,
    lanes: str,
    config: Config | None,
    transport: Transport | None,
    settings: ServerSettings,
) -> AsyncGenerator[Grounds]:
    async with AsyncExitStack() as stack:
        if config is None:
            simulator = await stack.enter_async_context(Simulator(parse_profile(lanes, "grounds"), port=0))
            config = config_for(simulator, folder)
        audience = Audience()
        racer = await stack.enter_async_context(Racer(config, transport=transport, observers=[audience]))
        server = Server(racer, settings, audience, timeouts=QUICK)
        await server.__aenter__()
        found = Grounds(portal, racer, server, config, folder)
        try:
            yield found
        finally:
            await found.server.stop(0.0)


def config_for(simulator: Simulator, folder: Path) -> Config:
    rows: dict[str, dict[str, Any]] = {
        name: row | MORE.get(name, {}) for name, row in rows_of(simulator).items()
    }
    return compose({"providers": rows}, {}, {"RACER_LOG": "off", "RACER_DB": str(folder / "racer.db")})
