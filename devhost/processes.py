"""Child processes: begun on a leash, logged to a file, remembered by identity, stopped for certain."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

LEASH = Path(__file__).with_name("leash.py")
# A pid is only reused long after this; the start time the kernel reports drifts by less.
SAME_START_S = 2.0
# Longer than the host takes at most to end what it is doing.
STOP_GRACE_S = 25.0
OFFSPRING_GRACE_S = 2.0


class ChildError(Exception):
    """A child process did not do what it was started for."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running child. `stop_signal` is what it understands as a wish to end in order."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    pid_file: Path
    stop_signal: signal.Signals

    def running(self) -> bool:
        return self.process.poll() is None

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it and everything it started, and return when it is gone."""
        offspring = _offspring(self.process.pid) if self.running() else []
        if self.running():
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        _end(offspring)
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as an accident would."""
        self.process.kill()
        self.process.wait()
        self.pid_file.unlink(missing_ok=True)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def on_leash(command: Sequence[str], *, death_signal: signal.Signals, user: str | None = None) -> list[str]:
    """`command` as one that gets `death_signal` when the thread that starts it ends."""
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(death_signal)), user or "-"]
    return [*leash, *command]


def begin(
    name: str,
    command: Sequence[str],
    *,
    state: Path,
    environment: Mapping[str, str] | None = None,
    working_folder: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGTERM,
    user: str | None = None,
) -> Child:
    """Start `command` in a session of its own, so that Ctrl-C reaches it only through its parent.

    Its output goes to `state`/logs/`name`.log, its identity to `state`/run/`name`.json.
    """
    log, pid_file = state / "logs" / f"{name}.log", state / "run" / f"{name}.json"
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            on_leash(command, death_signal=death_signal, user=user),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=working_folder,
            start_new_session=True,
        )
    identity = {
        "pid": process.pid,
        "created": psutil.Process(process.pid).create_time(),
        "stop_signal": int(stop_signal),
    }
    pid_file.write_text(json.dumps(identity))
    return Child(name, process, log, pid_file, stop_signal)


def stop_leftovers(state: Path) -> list[str]:
    """Stop children of a run that was killed, and return their names. A reused pid is left alone."""
    stopped: list[str] = []
    for pid_file in sorted((state / "run").glob("*.json")):
        process = _identified(pid_file)
        if process is not None:
            stop_signal = json.loads(pid_file.read_text())["stop_signal"]
            offspring = _offspring(process.pid)
            stop_process(process, stop_signal)
            _end(offspring)
            stopped.append(pid_file.stem)
        pid_file.unlink()
    return stopped


def stop_process(process: psutil.Process, stop_signal: int) -> None:
    """End a process that is not our child, and return when it is gone."""
    try:
        process.send_signal(stop_signal)
        if not _goes(process, STOP_GRACE_S):
            process.kill()
            if not _goes(process, STOP_GRACE_S):
                raise ChildError(f"process {process.pid} cannot be stopped")
    except psutil.NoSuchProcess:
        return


def _goes(process: psutil.Process, within_s: float) -> bool:
    # A container's first process may never reap the orphans it inherits: a zombie is as good as gone.
    deadline = time.monotonic() + within_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _identified(pid_file: Path) -> psutil.Process | None:
    try:
        identity = json.loads(pid_file.read_text())
        process = psutil.Process(identity["pid"])
        same = abs(process.create_time() - identity["created"]) < SAME_START_S
        alive = process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, json.JSONDecodeError):
        # Half a pid file is one whose writer was killed; the leash ended that child.
        return None
    return process if same and alive else None


def _offspring(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _end(processes: list[psutil.Process]) -> None:
    """What a stopped process started should have left with it; what has not, is made to."""
    for process in processes:
        try:
            if not _goes(process, OFFSPRING_GRACE_S):
                stop_process(process, signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
