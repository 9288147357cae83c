"""What benchmarks of `racer batch` share: an input, a folder to run in, and rows that are read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.simulated import Simulated

URL = "/v1/chat/completions"


@dataclass(frozen=True)
class Home:
    """A folder with a racer.toml that knows the simulator's providers and nobody else, and a database."""

    folder: Path

    @classmethod
    def at(cls, folder: Path, sim: Simulated) -> Home:
        rows = [_row(name, sim.url) for name in sim.get("/sim/profile")["providers"]]
        (folder / "racer.toml").write_text("\n".join([*rows, "[providers.ollama]\nenabled = false\n"]))
        return cls(folder)

    @property
    def env(self) -> dict[str, str]:
        """Nothing of the user's own, least of all his keys."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "RACER_CONFIG": str(self.folder / "racer.toml"),
            "RACER_DB": str(self.folder / "racer.db"),
            "RACER_LOG": "off",
        }

    def batch(self, source: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
        """`racer batch` under way. What it says is added to errors.txt."""
        command = [sys.executable, "-m", "racer", "batch", str(source), str(out), *options]
        with self.errors.open("ab") as errors:
            return subprocess.Popen(
                command, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )

    @property
    def said(self) -> str:
        """The end of what was said so far."""
        return self.errors.read_text()[-2000:] if self.errors.exists() else ""

    @property
    def errors(self) -> Path:
        return self.folder / "errors.txt"


def _row(name: str, url: str) -> str:
    address = f'dialect = "openai"\nbase_url = "{url}/{name}/v1"'
    return f'[providers.sim-{name}]\n{address}\nmodels = [{{ name = "m" }}]\n'


def write_input(path: Path, prompts: int) -> None:
    """Short ones, as lines of an OpenAI batch; the number of each is in its id and its text."""
    with path.open("w") as file:
        for number in range(1, prompts + 1):
            body = {"model": "m", "messages": [{"role": "user", "content": f"Say {number}."}]}
            line = {"custom_id": f"n{number}", "method": "POST", "url": URL, "body": body}
            file.write(json.dumps(line) + "\n")


def asked(body: object) -> int:
    """The number of the prompt in a request. Of anything else, 0."""
    try:
        return int(body["messages"][-1]["content"].removeprefix("Say ").removesuffix("."))  # type: ignore[index]
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return 0


@dataclass
class Read:
    """An output. `answers`: by number of the prompt, how many rows answer it; `bad` says what is wrong."""

    answers: bytearray
    rows: int = 0
    bad: str = ""

    @property
    def once(self) -> int:
        return self.answers.count(1)


def read_output(path: Path, prompts: int) -> Read:
    """Every byte of it: whole lines, each a good row."""
    read = Read(bytearray(prompts + 1))
    for row, raw in _lines(path):
        read.rows = row
        if not raw.endswith(b"\n"):
            read.bad = read.bad or f"row {row} has no end"
        try:
            told = orjson.loads(raw)
            number = int(told["custom_id"].removeprefix("n"))
            good = told["error"] is None and bool(
                told["response"]["body"]["choices"][0]["message"]["content"]
            )
            read.answers[number] += 1
        except (ValueError, TypeError, KeyError, IndexError) as error:
            read.bad = read.bad or f"row {row}: {type(error).__name__}: {error}: {raw[:80]!r}"
        else:
            read.bad = read.bad or ("" if good else f"row {row} is no answer: {raw[:200]!r}")
    return read


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if path.exists():
        with path.open("rb") as file:
            yield from enumerate(file, 1)
