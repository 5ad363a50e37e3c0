"""pgbench: the app's statements without any Python, in prepared mode."""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.adapt import PyFormat, Transformer

from bench.figures import latencies
from bench.mark import UNIQUE
from bench.statements import Statement
from devhost.services.postgres import bin_folder

# Each client has the server plan each script's statements six times before it keeps one plan of them.
MOST_SCRIPTS = 4
_TO_PLAN_S = 0.05
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Script:
    """Files of statements, one a basket, and the variables they name."""

    files: tuple[Path, ...]
    variables: tuple[tuple[str, str], ...]


def write(folder: Path, conn: psycopg.Connection[Any], sales: Sequence[list[Statement]]) -> Script:
    """Put the statements of each basket into a file of `folder`."""
    folder.mkdir(parents=True)
    files: list[Path] = []
    variables: list[tuple[str, str]] = []
    for number, heard in enumerate(sales[:MOST_SCRIPTS]):
        text = ["\\set unique random(1, 9000000000000000000)\n"]
        for place, statement in enumerate(heard):
            prefix = f"b{number}s{place}"
            written, values = _written(conn, statement, prefix)
            text.append(f"{written};\n")
            variables += values
        path = folder / f"basket{number}.sql"
        path.write_text("".join(text))
        files.append(path)
    return Script(tuple(files), tuple(variables))


def run(script: Script, url: str, *, connections: int, seconds: float, log: Path) -> dict[str, Any]:
    """Run the script; pgbench itself writes how long each transaction took into a file beside `log`.

    The last `seconds` count, when the statements of all clients are planned.
    """
    counted = max(1, round(seconds))
    whole = counted + round(_TO_PLAN_S * connections * len(script.files))
    subprocess.run(
        [
            str(bin_folder() / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--client={connections}"),
            *(f"--jobs={min(_THREADS, connections)}", f"--time={whole}"),
            *("--log", f"--log-prefix={log}"),
            *(f"--file={path}" for path in script.files),
            *(f"--define={name}={value}" for name, value in script.variables),
            url,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = [
        (int(at) + int(us) / 1e6, int(took) / 1e6)
        for path in log.parent.glob(f"{log.name}.*")
        for _, _, took, _, at, us in (line.split() for line in path.read_text().splitlines())
    ]
    end = max(at for at, _ in found)
    took = [each for at, each in found if at > end - counted]
    return {"completed": len(took), "per_s": len(took) / counted, **latencies(took)}


def _written(
    conn: psycopg.Connection[Any], statement: Statement, prefix: str
) -> tuple[str, Iterable[tuple[str, str]]]:
    """The statement with variables of pgbench in place of its parameters, and their values.

    pgbench sends every mention as a parameter of its own, so each says its type, as psycopg does.
    """
    dumpers = Transformer(conn)
    mentions: dict[str, str] = {}
    values: list[tuple[str, str]] = []
    for name, value in statement.parameters.items():
        if value is None:
            mentions[name] = "NULL"
        elif value == UNIQUE:
            mentions[name] = "concat('pgbench-', :unique::text)"
        else:
            dumper = dumpers.get_dumper(value, PyFormat.TEXT)
            info = conn.adapters.types.get(dumper.oid)
            array = "[]" if info is not None and dumper.oid == info.array_oid else ""
            cast_to = f"::{info.name}{array}" if info is not None else ""
            mentions[name] = f":{prefix}_{name}{cast_to}"
            values.append((f"{prefix}_{name}", bytes(dumper.dump(value) or b"").decode()))
    return statement.sql % cast("Any", mentions), values
