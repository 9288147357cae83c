"""What a bench asks: its own prompts, and those of files in every form that a batch takes."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from racer.bench import prompts
from racer.bench.prompts import BUILT_IN, MAX_TOKENS, Question, limited, questions_in
from racer.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path


def questions(folder: Path, text: str, name: str = "prompts.txt") -> tuple[Question, ...]:
    path = folder / name
    path.write_text(text)
    return questions_in(path)


def test_our_own_prompts_can_all_be_asked() -> None:
    """Short ones, with short answers."""
    assert len(BUILT_IN) >= 8
    assert {each.call().max_tokens for each in BUILT_IN} == {MAX_TOKENS}


def test_a_file_of_text_has_a_prompt_a_line(tmp_path: Path) -> None:
    """Blank lines are none."""
    assert [each.messages for each in questions(tmp_path, "one\n\ntwo\n")] == ["one", "two"]


def test_json_lines_bring_their_own_options(tmp_path: Path) -> None:
    """Prompts, messages, and the lines of OpenAI's batch files."""
    one = '{"prompt": "one", "max_tokens": 5}\n{"messages": [{"role": "user", "content": "two"}]}\n'
    three = '{"custom_id": "x", "body": {"messages": [{"role": "user", "content": "three"}], "top_p": 0.5}}\n'

    first, second = questions(tmp_path, one, "p.jsonl")
    (third,) = questions(tmp_path, three, "q.jsonl")

    assert (first.messages, first.options) == ("one", {"max_tokens": 5})
    assert second.messages == [{"role": "user", "content": "two"}]
    assert third.options == {"top_p": 0.5}


def test_stdin_is_a_file_too() -> None:
    """It is read to its end before anything begins."""
    assert [each.messages for each in questions_in("-", stdin=io.BytesIO(b"one\ntwo\n"))] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("", "p.txt", "there is no prompt in it"),
        ("\n\n", "p.txt", "there is no prompt in it"),
        ('{"prompt": "x"}\n{"prompt": 3}\n', "p.jsonl", "p.jsonl: line 2: prompt is an int"),
        ('{"prompt": "x", "temperature": 9}\n', "p.jsonl", "p.jsonl: line 1: temperature is 9"),
        ('{"prompt": "x", "max_tokens": 0}\n', "p.jsonl", "p.jsonl: line 1: max_tokens is 0"),
        ('{"prompt": "x"}\n{oops\n', "p.jsonl", "line 2: it is"),
        ("prompt,more\n,\n", "p.csv", "p.csv: "),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_line(tmp_path: Path, text: str, name: str, told: str) -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match=re.escape(told)):
        questions(tmp_path, text, name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(BadRequest, match="no such file"):
        questions_in(tmp_path / "nothing.txt")


def test_too_many_prompts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench asks one a round: who gives it a batch has meant something else."""
    monkeypatch.setattr(prompts, "MOST", 3)

    with pytest.raises(BadRequest, match="more than 3 prompts"):
        questions(tmp_path, "x\n" * 4)


def test_the_length_of_answers_can_be_bounded_for_all() -> None:
    """A number that will not do is told."""
    assert {each.options["max_tokens"] for each in limited(BUILT_IN, 7)} == {7}
    assert limited(BUILT_IN, None) == BUILT_IN
    with pytest.raises(BadRequest, match="max_tokens is 0"):
        limited(BUILT_IN, 0)
