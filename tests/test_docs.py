"""The documents are run. What a fenced block is, its first line says:

```python           runs, after the blocks above it on its page, with simulated providers behind the names
                    groq, mistral and ollama; top-level `await` is fine
```python sketch    shows what is not built yet, or a part of something: it compiles
```toml             is a racer.toml, and loads
```toml profile     is a profile of the simulator, and loads
```toml catalogue   is a row for the built-in catalogue: tests/racer/test_adding_a_provider.py races it
```sql              asks the database: tests/racer/store/test_views.py runs it
```sh, ```console   each line that begins with `racer` is parsed by the command line's own parser
```js, ```yaml      is for programs of others; tests/racer/server/ runs what docs/recipes.md has of it

A command that is named anywhere exists, or stands under "Not built yet" in the README.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal

from racer import config
from racer.batch.orders import OWN
from racer.cli.program import COMMANDS, parser
from racer.core.heat import Outcome
from racer.core.options import StreamOptions
from racer.sim import Simulator, parse_profile
from racer_adapters import DIALECTS
from scripts import file_map

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))
BUILT = {command.name for command in COMMANDS}
LATER = "## Not built yet"
SIMULATED = """
name = "documents"
[providers.groq]
models = ["openai/gpt-oss-20b"]
[providers.mistral]
models = ["mistral-small-latest"]
[providers.ollama]
models = ["llama3.2"]
"""

TRAITS = 'tags = ["chat", "fast", "code"], can = ["tools", "json", "schema"]'
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `([a-z_.]+)` \|", re.MULTILINE)
_SPAN = re.compile(r"`(?:\./scripts/)?racer ([a-z]+)[^`\n]*`")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what it is, its text, and where it begins."""

    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*kinds: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.kind in kinds]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(page.relative_to(ROOT).as_posix(), line, found[1].strip(), found[2])


def commands_of(block: Block) -> list[str]:
    lines = (line.strip().removeprefix("$ ").removeprefix("./scripts/") for line in block.text.splitlines())
    return [line for line in lines if line.startswith("racer ")]


def planned() -> set[str]:
    """Commands that the README's list of what is missing names."""
    _, _, rest = (ROOT / "README.md").read_text().partition(LATER)
    return set(_SPAN.findall(rest.partition("\n## ")[0]))


# ---------------------------------------------------------------- python


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """In a thread and loop of its own: the blocks bring theirs."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(parse_profile(SIMULATED, "documents"))) as running,
    ):
        yield running


@pytest.fixture
def simulated_home(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder where race() meets the simulator, whoever's keys this machine has."""
    for name in os.environ:
        if re.search(r"_(KEY|TOKEN|HOST)(_\d+)?$|^RACER_", name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GROQ_API_KEY", "test-" + "g" * 12)
    monkeypatch.setenv("MISTRAL_API_KEY", "test-" + "m" * 12)
    monkeypatch.setenv("RACER_LOG", "off")
    monkeypatch.chdir(tmp_path)
    rows = [
        f'[providers.{each.name}]\nbase_url = "{simulator.base_url(each.name)}"\n'
        f'models = [{{ name = "{each.models[0]}", {TRAITS} }}]'
        for each in simulator.profile.providers
    ]
    (tmp_path / "racer.toml").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python")}))
def test_python_blocks_run(page: str, simulated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a page run one after another, as a reader would type them."""
    module = ModuleType("documents")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look up where they stand
    names: dict[str, Any] = vars(module)
    for block in blocks("python"):
        if block.page == page:
            code = compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)  # the text of our own documents
            if inspect.iscoroutine(result):
                asyncio.run(result)
    assert simulated_home.is_dir()


def test_python_sketches_compile() -> None:
    """What is not run is Python all the same."""
    for block in blocks("python sketch"):
        compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# ---------------------------------------------------------------- toml, commands


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_blocks_load(block: Block, tmp_path: Path) -> None:
    """Every piece of racer.toml that is shown is one that racer takes."""
    (tmp_path / "racer.toml").write_text(block.text)

    loaded = config.load(tmp_path / "racer.toml", environ={}, cwd=tmp_path)

    assert loaded.path == tmp_path / "racer.toml"


def test_profile_blocks_load() -> None:
    """Every profile that is shown is one that the simulator takes."""
    for block in blocks("toml profile"):
        assert parse_profile(block.text, str(block)).providers


@pytest.mark.parametrize("block", [each for each in blocks("sh", "console") if commands_of(each)], ids=str)
def test_shown_command_lines_are_understood(block: Block) -> None:
    """Each command line in a block has a command and options that exist."""
    for line in commands_of(block):
        words = shlex.split(re.split(r" [|<>] ?| 2>", line)[0], comments=True)
        if words[1:] not in (["--version"], ["--help"]) and "--help" not in words:
            assert parser().parse_args(words[1:]), line


def test_named_commands_exist_or_are_planned() -> None:
    """Every `racer command` in the documents is built, or listed as not built; none is both."""
    named = {name for page in PAGES for name in _SPAN.findall(page.read_text())}

    assert named <= BUILT | planned()
    assert BUILT.isdisjoint(planned())
    assert named >= BUILT


# ---------------------------------------------------------------- pages


def test_every_block_says_what_it_is() -> None:
    """A block of an unknown kind would be run by nobody."""
    toml = {"toml", "toml profile", "toml catalogue"}
    others = {"sh", "console", "sql", "text", "json", "mermaid", "js", "yaml"}
    known = {"python", "python sketch", *toml, *others}

    assert [str(block) for page in PAGES for block in blocks_of(page) if block.kind not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that exists."""
    links = _LINK.findall(page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_map_is_up_to_date() -> None:
    """docs/architecture.md says of each source file what the file says of itself, and of each it does."""
    assert file_map.PAGE.read_text() == file_map.page_with(file_map.drawn()), (
        "run: python scripts/file_map.py"
    )
    assert "|  |" not in file_map.drawn()


def test_every_option_is_explained() -> None:
    """docs/options.md has a row for each option of a race or a stream, and for no other."""
    built, _, later = (ROOT / "docs" / "options.md").read_text().partition(LATER)
    options = {*StreamOptions.__annotations__, "into"}

    assert set(_ROW.findall(built)) == options
    assert set(_ROW.findall(later)).isdisjoint(options)


def test_every_option_of_a_batch_is_explained() -> None:
    """docs/batch.md names each option that a batch alone has at the head of a row."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", (ROOT / "docs" / "batch.md").read_text(), re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"[a-z_]+", row)} >= OWN | {"out"}


def test_every_event_is_explained() -> None:
    """docs/events.md has a row for each event that logs.py can name, and for no other."""
    built, _, _ = (ROOT / "docs" / "events.md").read_text().partition(LATER)
    source = (ROOT / "racer" / "logs.py").read_text()
    named = set(re.findall(r'"((?:race|lane|cooldown|quota|cache|store|clock)\.[a-z_]+)"', source))

    rows = {name for name in _ROW.findall(built) if "." in name}

    assert rows == named | {f"lane.{outcome}" for outcome in Outcome}


def test_the_dialects_are_named() -> None:
    """The README names each dialect that there is, and no other."""
    (row,) = re.findall(r"^\| dialects .*$", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert set(re.findall(r"`([a-z]+)`", row)) == set(DIALECTS)


def test_nothing_built_is_called_missing() -> None:
    """No file that the map calls not built is there."""
    _, _, later = (ROOT / "docs" / "architecture.md").read_text().partition(f"#{LATER}")
    places = re.findall(r"^\| `([a-z_/]+(?:\.py|/))` \|", later, re.MULTILINE)

    assert places
    assert [place for place in places if (ROOT / place).exists()] == []
