"""A batch as its caller has it: something to iterate over, to look at while it runs, and to stop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from racer.batch.asks import Asks
from racer.batch.feed import FileFeed, PromptFeed
from racer.batch.keep import Keep
from racer.batch.missing import missing
from racer.batch.plan import forecast
from racer.batch.progress import Progress
from racer.batch.rows import Row, row_of
from racer.batch.run import Runner
from racer.batch.source import Source
from racer.batch.workers import asleep_until, lanes_of, why_asleep
from racer.errors import BadRequest, RacerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from racer.batch.feed import Feed
    from racer.batch.jobfile import Job
    from racer.batch.line import Result
    from racer.batch.missing import Shortfall
    from racer.batch.order import Order
    from racer.batch.parts import Parts
    from racer.batch.plan import Forecast
    from racer.batch.source import Census

FOREVER = float("inf")
FORETOLD_FOR = 15.0  # seconds


class Batch:
    """The lines of a batch, as they get their results.

        async with racer.batch(prompts) as batch:
            async for result in batch:
                print(result.id, result.reply.text if result.ok else result.failure.message)

    Without `async with` it begins with the first result that is asked for, and ends when the loop is left.
    Raises BatchStopped where it ends early, JobError where its files stand in the way, NoLanes where nobody
    can answer; what has come until then was given.
    """

    def __init__(self, order: Order, parts: Parts) -> None:
        self._order = order
        self._parts = parts
        self._asks = Asks(order.options, order.system, order.into, parts)
        self._files = isinstance(order.prompts, Path) or order.out is not None
        self._thread = ThreadPoolExecutor(1, "racer-batch") if self._files else None
        self._reader = ThreadPoolExecutor(1, "racer-batch-in") if self._files else None
        self._task: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        self._reads = False
        self._stopped = ""
        self._left = False
        self._began = 0.0
        self._over_at: float | None = None
        self._job: Job | None = None
        self._source: Source | None = None
        self._census: Census | None = None
        self._feed: Feed | None = None
        self._runner: Runner | None = None
        self._earlier = (0, 0)
        self._ends: tuple[float, float, float] | None = None
        self._ends_at = -FOREVER
        self._keep = Keep(self._thread, order.sinks)

    # ------------------------------------------------------------- for its caller

    async def __aenter__(self) -> Self:
        """Its files are open, and it is known what there is to do; nothing is asked yet."""
        self._start()
        async with _closed_if_cut_short(self):
            await self._when_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End it now. What has come is kept; what is under way is given up."""
        self._left = True
        task = self._task
        if task is None:
            self._end_thread()
            return
        task.cancel()
        await _to_its_end(self._ended.wait())

    def __aiter__(self) -> AsyncGenerator[Result]:
        self._reads = True
        return self._results()

    async def finished(self) -> Progress:
        """Run to the end, for whoever needs no result here: they are in OUT, and were told to the sinks."""
        self._start()
        self._wanted.set()
        async with _closed_if_cut_short(self):
            await self._ended.wait()
        self._raise()
        return self.progress()

    def stop(self, why: str = "as was asked for") -> None:
        """Begin nothing more. What is under way is finished, and then BatchStopped is raised."""
        self._stopped = why
        if self._runner is not None:
            self._runner.stop(why)

    @property
    def notice(self) -> str:
        """What is to be said of the files of the job: that it goes on, or was mended. Empty: nothing."""
        return "" if self._job is None else self._job.notice

    @property
    def total(self) -> int | None:
        """How many lines the input has, where that is known."""
        return None if self._feed is None else self._feed.total

    @property
    def unknown_models(self) -> Mapping[str, int]:
        """Models that lines ask for and nobody has, with their lines: any lane answers these."""
        return self._asks.unknown_models

    def progress(self) -> Progress:
        """How it stands now."""
        runner, earlier = self._runner, self._earlier
        if runner is None:
            return Progress(self.total, earlier[0], earlier[1], sum(earlier), 0, 0, 0, 0.0, 0.0, 0.0, 0)
        tally, now = runner.tally, self._parts.stage.now()
        skew = self._parts.ledger.now() - now
        lanes = lanes_of(runner, self._order.concurrency, skew, now)
        asleep = asleep_until(runner, skew, now)
        return Progress(
            total=self.total,
            done=earlier[0] + tally.answered,
            failed=earlier[1] + tally.failed,
            earlier=sum(earlier),
            in_flight=runner.desk.out,
            input_tokens=tally.input_tokens,
            output_tokens=tally.output_tokens,
            usd=tally.usd,
            rate=sum(track.per_second(now) for track in runner.pace.tracks.values()),
            elapsed=(now if self._over_at is None else self._over_at) - self._began,
            attempts=tally.attempts,
            lanes=lanes,
            asleep_until=asleep,
            why_asleep=why_asleep(lanes, asleep),
            ends=self._foretold(runner, now),
            stopping=runner.desk.stopping,
        )

    def forecast(self) -> Forecast:
        """When it will be done, by all that is known now. Takes some hundredths of a second to work out.

        Of an input that has not ended, it is told for what was read so far.
        """
        runner, feed = self._runner, self._feed
        if runner is None or feed is None:
            raise RacerError("the files of this batch are not open: use `async with`")
        order, parts = self._order, self._parts
        left = runner.desk.left or 0
        foresight, lanes = runner.foresight(feed.usual), runner.lanes
        self._ends_at = parts.stage.now()
        found = forecast(
            left + runner.desk.waiting + runner.desk.lines_out,
            foresight.speeds(lanes, runner.pace), foresight.tanks(lanes), parts.ledger.now(),
            concurrency=order.concurrency, rate=order.rate,
        )  # fmt: skip
        self._ends = (found.low, found.middle, found.high)
        return found

    def shortfall(self, by: float) -> Shortfall | None:
        """What keeps it from being done `by` then (unix seconds), and what would help. None: nothing does."""
        runner, found = self._runner, self.forecast()
        assert runner is not None, "there is a forecast"
        offers = runner.foresight(self._feed.usual if self._feed else 0).offers(
            runner.skipped, self._order.concurrency
        )
        return missing(found, by, offers)

    # ------------------------------------------------------------- within

    def _foretold(self, runner: Runner, now: float) -> tuple[float, float, float] | None:
        """Looked at often, worked out seldom."""
        if self._feed is None or self._feed.total is None or self._ended.is_set():
            return None
        known, asleep = self._ends, asleep_until(runner, self._parts.ledger.now() - now, now)
        outdated = known is not None and asleep is not None and known[0] < asleep
        if now - self._ends_at >= (1.0 if outdated else FORETOLD_FOR):
            self.forecast()
        return self._ends

    def _open_lines(self) -> int | None:
        """How many lines have to be read."""
        asked = None if self._job is None else self._job.asked
        if asked is not None or self.total is None:
            return asked
        return max(0, self.total - sum(self._earlier))

    def _start(self) -> None:
        if self._task is not None:
            return
        if self._left:
            raise RacerError("this batch was closed: make another")
        self._task = self._parts.start(self._run())
        if self._task is None:
            raise RacerError("this Racer is closed")
        self._task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        """Also of one that was stopped before its first step."""
        self._end_thread()
        self._opened.set()
        self._ended.set()
        self._over_at = self._parts.stage.now()
        self._keep.arrived.set()

    async def _when_open(self) -> None:
        await self._opened.wait()
        if self._runner is None:
            self._raise()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _results(self) -> AsyncGenerator[Result]:
        try:
            self._start()
            await self._when_open()
            self._wanted.set()
            while True:
                while (result := self._keep.take()) is not None:
                    yield result
                if self._ended.is_set():
                    break
                await self._keep.arrived.wait()
                self._keep.arrived.clear()
            self._raise()
        finally:
            await self.aclose()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if isinstance(self._order.prompts, Path):
                await loop.run_in_executor(self._reader, self._open_source, self._order.prompts)
            if self._order.out is not None:
                await loop.run_in_executor(self._thread, self._open_job, self._order.out)
            runner = self._new_runner()
            await runner.begin()
            self._runner = runner
            if self._stopped:
                runner.stop(self._stopped)
            self._opened.set()
            await self._wanted.wait()
            self._began = self._parts.stage.now()
            if self._job is not None:
                await loop.run_in_executor(self._thread, self._job.begin)
            keep = self._keep
            keep.begin(self._job, runner.saved, runner.troubled, read=self._reads)
            await runner.run(keep)
        except asyncio.CancelledError:
            if not self._left:
                self._error = RacerError("the Racer was closed while the batch ran: run it again, to go on")
            raise
        except Exception as error:  # it is its caller's, whatever it is
            self._error = error
            if self._left and not isinstance(error, RacerError):
                raise  # a bug of which nobody else would hear
        finally:
            await _to_its_end(self._put_away())

    async def _put_away(self) -> None:
        if self._feed is not None:
            await self._feed.aclose()
        if self._job is None:
            self._keep.rescue()
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)

    def _new_runner(self) -> Runner:
        order, job = self._order, self._job
        if self._source is not None and self._reader is not None and self._thread is not None:
            self._feed = FileFeed(self._source, self._census, job, self._reader, self._thread)
        else:
            assert not isinstance(order.prompts, Path), "a Path has a source"
            self._feed = PromptFeed(order.prompts, job)
        if job is not None:
            self._earlier = (job.answered, job.failed)
        return Runner(
            self._parts, self._asks, self._feed, order.terms(self._asks),
            put_out=self._put_out, lines=self._open_lines(),
            max_errors=order.max_errors, seconds=order.deadline,
        )  # fmt: skip

    def _end_thread(self) -> None:
        for thread in filter(None, (self._thread, self._reader)):
            thread.shutdown(wait=False)

    def _open_source(self, path: Path) -> None:
        order = self._order
        if order.out is not None and _is_same(path, order.out):
            raise BadRequest(f"the output {order.out} is the input: give it another name")
        named = "-" if str(path) == "-" else path
        source = Source.open(named, stdin=order.piped, form=order.form, column=order.column)
        self._source, self._census = source, source.census()

    def _open_job(self, out: Path) -> None:
        from racer.batch.jobfile import Job  # with SQLite's binding

        order = self._order
        of_file = isinstance(order.prompts, Path) and str(order.prompts) != "-"
        name = str(Path(order.prompts).absolute()) if of_file and isinstance(order.prompts, Path) else ""
        self._job = Job.open(
            out, census=self._census, source=name, options=order.identity(),
            restart=order.restart, accept=order.accept_changes, errors_only=order.errors_only,
        )  # fmt: skip

    def _close(self) -> None:
        """Whatever has come is written, also where it was given up; whoever waits for a pipe is woken."""
        job, keep = self._job, self._keep
        try:
            if self._source is not None:
                self._source.close()
            if job is not None:
                with suppress(RacerError):  # it was told why
                    job.write(keep.rescue())
        finally:
            if job is not None:
                job.close()

    def _put_out(self, result: Result, digest: bytes) -> None:
        self._keep.put(result, None if self._job is None else self._row(result, digest))

    def _row(self, result: Result, digest: bytes) -> Row:
        data = row_of(result, digest, parsed=self._order.into is not None)
        return Row(result.line, digest, result.id, not result.ok, data)


@asynccontextmanager
async def _closed_if_cut_short(batch: Batch) -> AsyncGenerator[None]:
    """Who waits for a batch and is cancelled has given it up."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            await batch.aclose()


async def _to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """However often its caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
