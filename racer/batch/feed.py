"""Where the lines of a batch come from: a file, a pipe, or whatever Python can iterate over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, cast

import orjson

from racer.batch.formats import Form, row_understood, understood
from racer.batch.line import Bad, Prompt, id_of
from racer.batch.source import digest_of
from racer_adapters.placed import shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from concurrent.futures import Executor

    from racer.batch.jobfile import Job
    from racer.batch.line import Id
    from racer.batch.records import Record
    from racer.batch.source import Census, Source

Line = Prompt | Bad
Fed = tuple[Line, bytes]  # with its digest
MOST = 500
USUAL = 400  # characters of a line of which nothing is known
TRIED = 50
MOST_IDS = 1_000_000


class Feed(Protocol):
    """Lines in their order, each once; those that a job has answered already are left out."""

    @property
    def total(self) -> int | None:
        """How many lines there are, where that is known."""
        ...

    @property
    def usual(self) -> int:
        """About how many characters a line has."""
        ...

    async def more(self) -> Sequence[Fed] | None:
        """The next few that are there; None at the end."""
        ...

    async def aclose(self) -> None:
        """No more is wanted."""
        ...


class FileFeed:
    """The lines of a `Source`, read in a thread of their own: a pipe may keep it waiting for hours.

    `job` knows those that are done, in the thread of `executor`.
    """

    def __init__(
        self, source: Source, census: Census | None, job: Job | None, reader: Executor, executor: Executor
    ) -> None:
        self.total = None if census is None else census.prompts
        self.usual = USUAL if census is None else census.bytes // max(1, census.prompts)
        self._source = source
        self._job = job
        self._reader, self._executor = reader, executor
        self._ids = Ids()

    async def more(self) -> Sequence[Fed] | None:
        loop = asyncio.get_running_loop()
        read = await loop.run_in_executor(self._reader, self._read)
        if read is None:
            if self._job is not None:
                await loop.run_in_executor(self._executor, self._job.read_whole)
            return None
        if self._job is None:
            return self._ids.told_apart(read)
        return await loop.run_in_executor(self._executor, _open, read, self._job)

    async def aclose(self) -> None:
        """Who owns the source closes it."""

    def _read(self) -> Sequence[Fed] | None:
        taken = self._taken()
        if not taken:
            return None
        form = self._source.form
        read = [(self._line(line, raw, form), _digest(raw)) for line, raw in taken]
        return [(line, digest) for line, digest in read if line is not None]

    def _taken(self) -> Sequence[Record]:
        """The next few. Of an input that is known to be the same, lines that are done are not looked at."""
        job = self._job
        while taken := self._source.take(MOST):
            if job is None or not job.is_sure:
                return taken
            if left := [record for record in taken if not job.is_done(record[0])]:
                return left
        return ()

    @staticmethod
    def _line(line: int, raw: bytes | Bad, form: Form) -> Line | None:
        return raw if isinstance(raw, Bad) else understood(raw, line, form)


class PromptFeed:
    """Prompts of a program: texts, lists of messages, or mappings like the lines of a file."""

    def __init__(self, prompts: Iterable[Any] | AsyncIterable[Any], job: Job | None) -> None:
        listed = cast("Sequence[Any]", prompts) if isinstance(prompts, (list, tuple)) else ()
        self.total = len(listed) if isinstance(prompts, (list, tuple)) else None
        tried = listed[:TRIED]
        self.usual = sum(len(_bytes_of(each)) for each in tried) // len(tried) if tried else USUAL
        self._job = job
        self._line = 0
        self._failed: Exception | None = None
        self._ids = Ids()
        self._async: AsyncIterator[Any] | None = None
        self._sync: Iterator[Any] | None = None
        if isinstance(prompts, AsyncIterable):
            self._async = aiter(prompts)
        else:
            self._sync = iter(prompts)

    async def more(self) -> Sequence[Fed] | None:
        given: list[Any] = []
        if self._sync is not None:
            self._take(self._sync, given)
        elif self._async is not None:
            async for one in self._async:
                given.append(one)
                break
        if not given:
            if self._job is not None:
                self._job.read_whole()
            return None
        read: list[Fed] = []
        for one in given:
            self._line += 1
            read.append((line_of(one, self._line), digest_of(_bytes_of(one))))
        return self._ids.told_apart(read) if self._job is None else _open(read, self._job)

    def _take(self, prompts: Iterator[Any], given: list[Any]) -> None:
        """What came before it failed is asked."""
        if self._failed is not None:
            raise self._failed
        try:
            given.extend(islice(prompts, MOST))
        except Exception as error:
            if not given:
                raise
            self._failed = error

    async def aclose(self) -> None:
        for given in (self._async, self._sync):
            if isinstance(given, AsyncGenerator):
                await given.aclose()
            elif isinstance(given, Generator):
                given.close()


def line_of(given: object, line: int) -> Line:
    """What a program gave, as a line."""
    if isinstance(given, Mapping):
        found = row_understood(cast("Mapping[str, object]", given), line)
        return Bad(line, id_of(line), f"prompt {line} is empty") if found is None else found
    if isinstance(given, str) or (isinstance(given, Sequence) and not isinstance(given, bytes)):
        return Prompt(line, id_of(line), cast("Any", given))
    kind = type(given).__name__
    return Bad(line, id_of(line), f"prompt {line} is a {kind}: use a text, a list of messages or a mapping")


class Ids:
    """Which custom_ids were there before, where no job remembers them."""

    def __init__(self) -> None:
        self._lines: dict[Id, int] = {}

    def told_apart(self, read: Sequence[Fed]) -> Sequence[Fed]:
        """The second line of one id is a bad one."""
        return [(self._first(line), digest) for line, digest in read]

    def _first(self, line: Line) -> Line:
        if line.id == id_of(line.line) or len(self._lines) >= MOST_IDS:
            return line
        first = self._lines.setdefault(line.id, line.line)
        if first == line.line:
            return line
        said = f"line {line.line}: custom_id {shown(line.id)} is line {first}'s already"
        return Bad(line.line, line.id, said, "duplicate_id")


def _open(read: Sequence[Fed], job: Job) -> Sequence[Fed]:
    """Those that have no result yet. What is wrong with one's custom_id makes it a bad line."""
    troubles = job.known([(line.line, digest, line.id) for line, digest in read])
    left = [(line, digest) for line, digest in read if not job.is_done(line.line)]
    if not troubles:
        return left
    return [
        (Bad(line.line, line.id, troubles[line.line], "duplicate_id"), digest)
        if line.line in troubles else (line, digest)
        for line, digest in left
    ]  # fmt: skip


def _digest(raw: bytes | Bad) -> bytes:
    return digest_of(raw.message.encode() if isinstance(raw, Bad) else raw)


def _bytes_of(given: object) -> bytes:
    """The same for the same prompt, in every run."""
    try:
        return orjson.dumps(given, default=_kind_of)
    except (TypeError, ValueError):  # half a character, perhaps
        pass
    try:
        return json.dumps(given, default=_kind_of).encode()
    except (TypeError, ValueError, RecursionError):
        return _kind_of(given).encode()


def _kind_of(given: object) -> str:
    return type(given).__name__
