"""Child processes: what ends with its parent, what a later run stops, what it must not touch."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devhost.processes import Child, begin, stop_leftovers
from tests.harness import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-uc",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)",
]
STARTS_ANOTHER = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
time.sleep(600)
"""
WITH_OFFSPRING = [sys.executable, "-uc", STARTS_ANOTHER]


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Callable[[list[str]], Child]]:
    children: list[Child] = []

    def start(command: list[str]) -> Child:
        children.append(begin(f"child-{len(children)}", command, state=tmp_path))
        return children[-1]

    yield start
    for child in children:
        if child.running():
            child.kill()


def test_a_stopped_child_is_gone_with_what_it_started(begun: Callable[[list[str]], Child]) -> None:
    child = begun(WITH_OFFSPRING)
    eventually(lambda: child.log.read_text().endswith("\n"))
    offspring = psutil.Process(int(child.log.read_text()))
    child.stop()
    assert child.process.returncode == -signal.SIGTERM
    assert not child.pid_file.exists()
    eventually(lambda: not offspring.is_running() or offspring.status() == psutil.STATUS_ZOMBIE)


def test_a_child_deaf_to_its_stop_signal_is_killed(
    begun: Callable[[list[str]], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devhost.processes.STOP_GRACE_S", 0.1)
    child = begun(STUBBORN)
    eventually(lambda: "deaf" in child.log.read_text())
    child.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent ended")
    program = (
        "import sys, time; from pathlib import Path; from devhost.processes import begin;"
        f"begin('child', {SLEEP!r}, state=Path(sys.argv[1])); print('begun', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"begun\n"
        child = psutil.Process(json.loads((tmp_path / "run" / "child.json").read_text())["pid"])
        parent.kill()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_what_a_killed_run_left_is_stopped(begun: Callable[[list[str]], Child], tmp_path: Path) -> None:
    child = begun(SLEEP)
    assert stop_leftovers(tmp_path) == ["child-0"]
    assert not child.running()
    assert stop_leftovers(tmp_path) == []


def test_a_process_that_only_has_the_pid_of_a_leftover_lives(
    begun: Callable[[list[str]], Child], tmp_path: Path
) -> None:
    child = begun(SLEEP)
    identity = json.loads(child.pid_file.read_text())
    child.pid_file.write_text(json.dumps(identity | {"created": identity["created"] - 60}))
    assert stop_leftovers(tmp_path) == []
    assert child.running()
    assert not child.pid_file.exists()


@pytest.mark.parametrize("content", ["", '{"pid": 1', json.dumps({"pid": 2**22 + 1, "created": 0.0})])
def test_a_pid_file_of_nobody_is_removed(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "run" / "child.json"
    pid_file.parent.mkdir()
    pid_file.write_text(content)
    assert stop_leftovers(tmp_path) == []
    assert not pid_file.exists()


def test_a_child_hears_no_ctrl_c_of_the_terminal(begun: Callable[[list[str]], Child]) -> None:
    assert os.getsid(begun(SLEEP).process.pid) != os.getsid(0)
