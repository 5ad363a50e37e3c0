"""A long file: what its ingest holds in memory, and how long what is told of it stands still."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from devhost.environment import ROOT
from shared.domain.uploads import UploadKind, UploadStatus, blob_name
from shared.store import uploads

_LOOK_S = 0.01


def long_file(conn: psycopg.Connection, small: UUID, large: UUID) -> dict[str, Any]:
    """Ingest two uploads, whose files are there, in a process of their own; watch the second.

    The process is idle after the small one. `still_s` is how long one and the same state of the upload could
    be seen at most, by status.
    """
    names = [blob_name(UploadKind.PRODUCTS_LENS, each) for each in (small, large)]
    command = [sys.executable, "-m", "bench.long_file", *names]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    still = _watch(conn, large, process)
    told, _ = process.communicate()
    upload = uploads.get(conn, large)
    if process.returncode != 0 or upload is None or upload.status is not UploadStatus.COMPLETED:
        raise RuntimeError(f"the upload did not complete: {upload}")
    idle, peak, seconds = map(float, told.split())
    return {
        "rows": upload.rows.read,
        "seconds": seconds,
        "idle_mb": idle,
        "peak_mb": peak,
        "above_idle_mb": round(peak - idle, 1),
        "still_s": still,
    }


def _watch(conn: psycopg.Connection, upload_id: UUID, process: "subprocess.Popen[str]") -> dict[str, float]:
    still: dict[str, float] = {}
    seen, since = uploads.get(conn, upload_id), time.perf_counter()
    while process.poll() is None and not (seen and seen.status.ended):
        time.sleep(_LOOK_S)
        upload, now = uploads.get(conn, upload_id), time.perf_counter()
        if seen and seen.status is not UploadStatus.AWAITING:
            still[seen.status.value] = round(max(still.get(seen.status.value, 0), now - since), 2)
        if upload != seen:
            seen, since = upload, now
    return still


def _ingest_both(small: str, large: str) -> None:
    from bench.ingest import deliver  # noqa: PLC0415 - which imports this module

    deliver(small)
    idle = _status_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began = time.perf_counter()
    deliver(large)
    print(idle, _status_mb("VmHWM"), round(time.perf_counter() - began, 2))


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return round(int(line.split()[1]) / 1000, 1)
    raise RuntimeError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    _ingest_both(*sys.argv[1:])
