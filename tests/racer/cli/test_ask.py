"""`racer ask`: what becomes of prompt, options, answer and failure."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli.ask import credit, messages_of, prompt_of, quiet
from racer.cli.main import main
from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer.errors import BadRequest
from racer.testing import config_of
from racer_adapters.types import Usage
from tests.racer.cli.shells import Terminal, shell_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from racer.cli.shell import Shell

HI = ["ask", "hi"]


class NotText(io.StringIO):
    def read(self, size: int | None = -1) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


def shell_in(home: Path, **streams: Any) -> Shell:
    return shell_of(cwd=home, **streams)


# ---------------------------------------------------------------- the question


@pytest.mark.parametrize(
    ("argument", "stdin", "prompt"),
    [
        ("Why?", Terminal("not read"), "Why?"),
        ("Why?", io.StringIO(""), "Why?"),
        (None, io.StringIO("Why?\n"), "Why?\n"),
        ("-", io.StringIO("Why?"), "Why?"),
        ("-", Terminal("typed"), "typed"),
        ("Sum up:", io.StringIO("a\nb\n"), "Sum up:\n\na\nb\n"),
        ("", io.StringIO("Why?"), "Why?"),
    ],
)
def test_the_question_is_the_argument_and_stdin(
    argument: str | None, stdin: io.StringIO, prompt: str
) -> None:
    """One of them, or both with an empty line between; a person's keyboard is read only when asked for."""
    assert prompt_of(argument, shell_of(stdin=stdin)) == prompt


@pytest.mark.parametrize(
    ("argument", "stdin", "says"),
    [
        (None, Terminal(), "nothing to ask"),
        (None, io.StringIO(""), "nothing to ask"),
        ("  ", io.StringIO("\n"), "nothing to ask"),
        (None, NotText(), "UTF-8"),
        ("caf\udce9", Terminal(), "UTF-8"),
    ],
)
def test_no_question_is_a_mistake(argument: str | None, stdin: io.StringIO, says: str) -> None:
    """It is told before anything is configured or sent."""
    with pytest.raises(BadRequest, match=says):
        prompt_of(argument, shell_of(stdin=stdin))


def test_a_system_text_goes_first() -> None:
    """--system is a message of its own."""
    assert messages_of("hi", None) == [{"role": "user", "content": "hi"}]
    assert messages_of("hi", "be brief") == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


@pytest.mark.parametrize("env", [{"RACER_LOG": "json"}, {"RACER_LOG_LEVEL": "info"}])
def test_log_lines_are_for_those_who_ask(env: dict[str, str]) -> None:
    """A person at a prompt gets the answer alone, unless the environment says otherwise."""
    assert quiet(config_of("a")).env == {"RACER_LOG": "off"}
    assert quiet(config_of("a", env=env)).env == env


# ---------------------------------------------------------------- the answer


@pytest.mark.parametrize("flags", [[], ["--no-stream"]])
def test_the_answer_goes_to_stdout_and_nothing_else(flags: list[str], home: Path) -> None:
    """Into a pipe: the text, no colours, no remarks."""
    shell = shell_in(home)

    assert main([*HI, "--only", "sim-quick", *flags], shell) == 0
    assert text_of(shell.stdout).count("\n") == 1
    assert text_of(shell.stdout).strip()
    assert text_of(shell.stderr) == ""


def test_people_are_told_who_won(home: Path) -> None:
    """One line on a terminal, after the answer."""
    shell = shell_in(home, stderr=Terminal())

    assert main([*HI, "--only", "sim-quick"], shell) == 0
    assert text_of(shell.stderr).startswith("sim-quick/m won in ")
    assert text_of(shell.stderr).endswith(" s, of 1 lane\n")


def test_json_is_one_document(home: Path) -> None:
    """The fields of Reply, on one line in a pipe."""
    shell = shell_in(home)

    assert main([*HI, "--json"], shell) == 0

    document = json.loads(text_of(shell.stdout))
    assert text_of(shell.stdout).count("\n") == 1
    assert document["provider"] == "sim-quick"
    assert {each["lane"]: each["outcome"] for each in document["attempts"]}["sim-slow/m"] == "lost"


def test_json_is_readable_on_a_terminal(home: Path) -> None:
    """The same document, with indents."""
    shell = shell_in(home, stdout=Terminal(), stderr=Terminal())

    assert main([*HI, "--json"], shell) == 0
    assert json.loads(text_of(shell.stdout))["text"]
    assert '\n  "text"' in text_of(shell.stdout)
    assert text_of(shell.stderr) == ""


def test_a_lost_race_says_why_and_what_to_do(home: Path) -> None:
    """Exit code 1, every lane with its reason, nothing on stdout; with --watch the table, too."""
    shell = shell_in(home)

    assert main([*HI, "--only", "sim-broken", "--watch"], shell) == 1

    assert text_of(shell.stdout) == ""
    assert "racer: the only lane" in text_of(shell.stderr)
    assert text_of(shell.stderr).count("sim-broken/m: server 500: ") == 2
    assert "Traceback" not in text_of(shell.stderr)


MISTAKES = [
    (
        [*HI, "--only", "sim-quik"],
        "racer: --only names 'sim-quik', which is not known: did you mean sim-quick",
    ),
    ([*HI, "--lanes", "0"], "racer: --lanes is 0: use a whole number from 1 to 64"),
    ([*HI, "--deadline", "-1"], "racer: --deadline is -1.0: use a number"),
    ([*HI, "--policy", "fastest"], "racer: --policy is "),
    ([*HI, "--task", "poetry"], "racer: --task is "),
    ([*HI, "--proof", "0"], "racer: --proof is 0: use a whole number from 1 to 1000000"),
    ([*HI, "--schema", "missing.json"], "racer: --schema missing.json: cannot be read: No such file"),
    ([*HI, "--config", "missing.toml"], "missing.toml: found no such file"),
    (["ask"], "racer: nothing to ask: type racer ask"),
]


@pytest.mark.parametrize(("argv", "says"), MISTAKES, ids=[" ".join(argv) for argv, _ in MISTAKES])
def test_mistakes_are_told_with_their_remedy(argv: list[str], says: str, home: Path) -> None:
    """Exit code 2, the flag as it was typed, what was found, what is allowed."""
    shell = shell_in(home)

    assert main(argv, shell) == 2
    assert says in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


def test_a_race_that_all_are_kept_out_of_is_lost(home: Path) -> None:
    """Lanes there are, but none may run: exit code 1."""
    shell = shell_in(home)

    assert main([*HI, "--exclude", "sim"], shell) == 1
    assert "no lane can run" in text_of(shell.stderr)


def test_nothing_configured_says_what_to_set(tmp_path: Path) -> None:
    """Exit code 2, and the ways out."""
    (tmp_path / "racer.toml").write_text("[providers.ollama]\nenabled = false\n")
    shell = shell_of(cwd=tmp_path)

    assert main(HI, shell) == 2
    assert "GROQ_API_KEY" in text_of(shell.stderr)
    assert "racer demo" in text_of(shell.stderr)


def test_credit_counts_lanes() -> None:
    """The winner's lane, its seconds, and how many ran."""
    attempts = (
        Attempt("a/m@1", "a", "m", 0.0, 1.0, Outcome.WON),
        Attempt("b/m", "b", "m", 0.0, 1.0, Outcome.LOST),
    )

    assert (
        credit(Reply("hi", "a", "m", Usage(), 0.8249, "r", attempts=attempts))
        == "a/m@1 won in 0.82 s, of 2 lanes"
    )


def test_credit_names_the_seam() -> None:
    """Whose words come first would be a riddle otherwise."""
    attempts = (
        Attempt("b/m", "b", "m", 0.0, 1.0, Outcome.FAILED, "reset"),
        Attempt("a/m", "a", "m", 1.0, 1.0, Outcome.WON, resumed_at=1234),
    )

    told = credit(Reply("hi", "a", "m", Usage(), 2.0, "r", attempts=attempts))
    assert told.endswith("of 2 lanes: it went on where another broke off, behind 1,234 characters")
