"""The report: the figures of a run as tables of Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

type Json = Mapping[str, Any]


def tables(result: Json) -> str:
    """Everything that was measured."""
    blocks = (
        _conditions(result),
        "### Throughput and latency",
        _throughput(result["throughput"]),
        "### As ratios to the limits",
        _ratios(result["throughput"]),
        "### Where the time of one request goes",
        _breakdown(result["breakdown"]),
        "### Cold start",
        _cold(result["cold_starts"], result["imports"]),
        "### Memory",
        _memory(result["memory"]),
    )
    return "\n\n".join(blocks)


def _conditions(result: Json) -> str:
    machine, plan, load = result["machine"], result["plan"], result["load_average"]
    dirty = f" and {machine['changed_files']} changed files" if machine["changed_files"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"{machine['date']}, commit {machine['commit']}{dirty}. {machine['cores']} cores "
        f"({machine['processor']}), {machine['memory_gb']} GB, Linux {machine['kernel']}; Python "
        f"{machine['python']}, PostgreSQL {machine['postgres']}; {versions}. "
        f"Load average before the run {load['before']}, after it {load['after']}. "
        f"{plan['rounds']} rounds of {plan['seconds']:g} s a point; "
        f"{plan['products']:,} products, {plan['stores']} stores, 20 live promotions, {plan['lines']} lines "
        "a basket. Figures are `median [least .. greatest]` of the rounds."
    )


def _throughput(points: Sequence[Json]) -> str:
    return table(
        (
            "",
            "connections",
            "measured",
            "requests/s",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "CPU ms a request",
            "client's CPU",
        ),
        (
            (
                point["operation"],
                str(point["connections"]),
                name,
                spread_text(point[system]["per_s"], "{:,.0f}"),
                *(f"{point[system][f'p{each}_ms']['median']:.2f}" for each in (50, 95, 99)),
                f"{point[system]['cpu_ms']['median']:.2f}" if "cpu_ms" in point[system] else "",
                f"{point[system]['client_cpu_share']['median']:.0%}"
                if "client_cpu_share" in point[system]
                else "",
            )
            for point in points
            for system, name in (("host", "the app"), ("bare", "bare handler"), ("pgbench", "pgbench"))
        ),
    )


def _ratios(points: Sequence[Json]) -> str:
    columns = ("per_s_to_bare", "per_s_to_pgbench", "p50_ms_to_bare", "p50_ms_to_pgbench", "p99_ms_to_bare")
    return table(
        (
            "",
            "connections",
            "requests/s to bare",
            "requests/s to pgbench",
            "p50 to bare",
            "p50 to pgbench",
            "p99 to bare",
        ),
        (
            (
                point["operation"],
                str(point["connections"]),
                *(spread_text(point["ratios"][each], "{:.2f}") for each in columns),
            )
            for point in points
        ),
    )


def _breakdown(found: Json) -> str:
    operations = list(found)
    rows: list[tuple[str, ...]] = []
    for layer in found[operations[0]]["layers_us"]:
        cells: list[str] = [layer]
        for operation in operations:
            micros = found[operation]["layers_us"][layer]
            cells += [f"{micros:,.0f}", f"{micros / found[operation]['whole_us']:.0%}"]
        rows.append(tuple(cells))
    whole: list[str] = ["**whole, over HTTP alone**"]
    for operation in operations:
        whole += [f"**{found[operation]['whole_us']:,.0f}**", ""]
    head = [""]
    for operation in operations:
        head += [f"{operation} µs", "share"]
    return table(tuple(head), (*rows, tuple(whole)))


def _cold(starts: Json, imports: Json) -> str:
    rows = [
        ("process start to the first answer of /health, s", spread_text(starts["to_health_s"], "{:.2f}")),
        ("process start to the first evaluate, s", spread_text(starts["to_first_evaluation_s"], "{:.2f}")),
    ]
    rows += [
        (f"`{program}`, s of CPU ({found['modules']} modules)", spread_text(found["cpu_s"], "{:.3f}"))
        for program, found in imports["programs"].items()
    ]
    rows += [
        ("the app to the first, ratio of CPU", spread_text(imports["ratio_of_cpu"], "{:.2f}")),
        ("the app to the second, ratio of CPU", spread_text(imports["ratio_of_cpu_to_loaded"], "{:.2f}")),
        ("the app to the first, ratio of wall clock", spread_text(imports["ratio"], "{:.2f}")),
        ("the app to the second, ratio of wall clock", spread_text(imports["ratio_to_loaded"], "{:.2f}")),
    ]
    packages = ", ".join(f"{name} {own:.0f}" for name, own in imports["own_ms_by_package"].items())
    return (
        table(("", "median"), rows)
        + f"\n\nOwn time by package under `-X importtime`, ms: {packages}."
        + f"\n\nHeavy packages imported at the start: {', '.join(imports['at_start'])}. "
        + f"Only when needed: {', '.join(imports['lazily']) or 'none'}."
    )


def _memory(found: Json) -> str:
    return table(
        ("resident memory of the host's process", "MB"),
        (
            ("idle", f"{found['idle_mb']:.0f}"),
            ("after the first evaluation", f"{found['after_first_evaluation_mb']:.0f}"),
            (f"after {found['evaluations']:,} evaluations", f"{found['after_evaluations_mb']:.0f}"),
        ),
    )


def spread_text(value: Json, form: str) -> str:
    median, least, greatest = (form.format(value[each]) for each in ("median", "min", "max"))
    return f"{median} [{least} .. {greatest}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
