"""What a local run prints of the host's log."""

import json
from pathlib import Path

import pytest

from devhost.terminal import Follower, short

LINE = {"timestamp": "2026-06-15T12:00:01.250+00:00", "level": "INFO", "logger": "x", "message": "sold"}


def test_a_log_line_is_told_by_time_level_and_message() -> None:
    assert short(json.dumps(LINE)) == "12:00:01 INFO    sold"


def test_an_exception_follows_its_line() -> None:
    told = short(json.dumps(LINE | {"level": "ERROR", "exception": "Traceback\n  here"}))
    assert told == "12:00:01 ERROR   sold\nTraceback\n  here"


@pytest.mark.parametrize("line", ["ready http://127.0.0.1:7071", "Traceback:", "[1]", "{}", "7", ""])
def test_anything_else_is_told_as_it_is(line: str) -> None:
    assert short(line) == line


def test_whole_lines_only_and_none_that_was_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "host.log"
    log.write_text("before\n")
    follower = Follower(log)
    with log.open("a") as file:
        file.write("skipped\n")
        file.flush()
        follower.skip()
        file.write("one\ntw")
        file.flush()
        follower.print_new()
        file.write("o\n")
        file.flush()
        follower.print_new()
    assert capsys.readouterr().out == "one\ntwo\n"
