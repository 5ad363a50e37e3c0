"""The house: what is deployed, who imports whom, and the checks that keep it so."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

HTTP = {
    ("approve_promotion", "POST", "v1/promotions/{promotion_id:guid}/approve"),
    ("archive_promotion", "POST", "v1/promotions/{promotion_id:guid}/archive"),
    ("cancel_job", "POST", "v1/jobs/{job_id:guid}/cancel"),
    ("cancel_upload", "POST", "v1/uploads/{upload_id:guid}/cancel"),
    ("close_period", "POST", "v1/settlements"),
    ("create_api_key", "POST", "v1/api-keys"),
    ("create_backtest", "POST", "v1/promotions/{promotion_id:guid}/backtests"),
    ("create_job", "POST", "v1/jobs"),
    ("create_product_group", "POST", "v1/product-groups"),
    ("create_promotion", "POST", "v1/promotions"),
    ("create_reconciliation", "POST", "v1/reconciliations"),
    ("create_return", "POST", "v1/transactions/{transaction_id:guid}/returns"),
    ("create_store_group", "POST", "v1/store-groups"),
    ("create_transaction", "POST", "v1/transactions"),
    ("create_upload", "POST", "v1/uploads"),
    ("create_user", "POST", "v1/users"),
    ("delete_product_group", "DELETE", "v1/product-groups/{group_id:guid}"),
    ("delete_store_group", "DELETE", "v1/store-groups/{group_id:guid}"),
    ("disable_user", "POST", "v1/users/{user_id:guid}/disable"),
    ("enable_user", "POST", "v1/users/{user_id:guid}/enable"),
    ("evaluate_basket", "POST", "v1/promotions/evaluate"),
    ("get_api_key", "GET", "v1/api-keys/{api_key_id:guid}"),
    ("get_audit_chain", "GET", "v1/audit/chain"),
    ("get_backtest", "GET", "v1/backtests/{backtest_id:guid}"),
    ("get_backtest_breakdown", "GET", "v1/backtests/{backtest_id:guid}/{part}"),
    ("get_difference", "GET", "v1/differences/{difference_id:guid}"),
    ("get_docs", "GET", "v1/docs"),
    ("get_docs_asset", "GET", "v1/docs/{asset}"),
    ("get_health", "GET", "v1/health"),
    ("get_job", "GET", "v1/jobs/{job_id:guid}"),
    ("get_jwks", "GET", "v1/auth/jwks.json"),
    ("get_me", "GET", "v1/me"),
    ("get_openapi", "GET", "v1/openapi.json"),
    ("get_product", "GET", "v1/products/{sku}"),
    ("get_product_group", "GET", "v1/product-groups/{group_id:guid}"),
    ("get_promotion", "GET", "v1/promotions/{promotion_id:guid}"),
    ("get_promotion_conflicts", "GET", "v1/promotions/{promotion_id:guid}/conflicts"),
    ("get_promotion_version", "GET", "v1/promotions/{promotion_id:guid}/versions/{version:int}"),
    ("get_promotion_version_diff", "GET", "v1/promotions/{promotion_id:guid}/versions/{version:int}/diff"),
    ("get_promotions_report", "GET", "v1/reports/promotions"),
    ("get_ready", "GET", "v1/ready"),
    ("get_receipt_mapping", "GET", "v1/retailers/{retailer_id}/receipt-mapping"),
    ("get_reconciliation", "GET", "v1/reconciliations/{reconciliation_id:guid}"),
    ("get_reconciliation_rules", "GET", "v1/retailers/{retailer_id}/reconciliation-rules"),
    ("get_rule_schema", "GET", "v1/promotions/rule-schema"),
    ("get_settlement", "GET", "v1/settlements/{settlement_id:guid}"),
    ("get_settlement_closing", "GET", "v1/settlement-closings/{closing_id:guid}"),
    ("get_settlement_report", "GET", "v1/reports/settlement"),
    ("get_statement_csv", "GET", "v1/settlements/{settlement_id:guid}/statement.csv"),
    ("get_statement_json", "GET", "v1/settlements/{settlement_id:guid}/statement.json"),
    ("get_statement_pdf", "GET", "v1/settlements/{settlement_id:guid}/statement.pdf"),
    ("get_store", "GET", "v1/stores/{store_id}"),
    ("get_store_group", "GET", "v1/store-groups/{group_id:guid}"),
    ("get_transaction", "GET", "v1/transactions/{transaction_id:guid}"),
    ("get_upload", "GET", "v1/uploads/{upload_id:guid}"),
    ("get_user", "GET", "v1/users/{user_id:guid}"),
    ("issue_token", "POST", "v1/auth/token"),
    ("list_api_keys", "GET", "v1/api-keys"),
    ("list_applicable_promotions", "GET", "v1/promotions/applicable"),
    ("list_audit_entries", "GET", "v1/audit"),
    ("list_backtests", "GET", "v1/promotions/{promotion_id:guid}/backtests"),
    ("list_differences", "GET", "v1/differences"),
    ("list_jobs", "GET", "v1/jobs"),
    ("list_lanes", "GET", "v1/lanes"),
    ("list_notifications", "GET", "v1/notifications"),
    ("list_product_group_changes", "GET", "v1/product-groups/{group_id:guid}/changes"),
    ("list_product_groups", "GET", "v1/product-groups"),
    ("list_products", "GET", "v1/products"),
    ("list_promotion_versions", "GET", "v1/promotions/{promotion_id:guid}/versions"),
    ("list_promotions", "GET", "v1/promotions"),
    ("list_reconciliations", "GET", "v1/reconciliations"),
    ("list_returns", "GET", "v1/transactions/{transaction_id:guid}/returns"),
    ("list_settlement_lines", "GET", "v1/settlements/{settlement_id:guid}/lines"),
    ("list_settlements", "GET", "v1/settlements"),
    ("list_store_group_changes", "GET", "v1/store-groups/{group_id:guid}/changes"),
    ("list_store_groups", "GET", "v1/store-groups"),
    ("list_stores", "GET", "v1/stores"),
    ("list_transaction_settlements", "GET", "v1/transactions/{transaction_id:guid}/settlements"),
    ("list_transactions", "GET", "v1/transactions"),
    ("list_upload_kinds", "GET", "v1/uploads/kinds"),
    ("list_uploads", "GET", "v1/uploads"),
    ("list_users", "GET", "v1/users"),
    ("pause_promotion", "POST", "v1/promotions/{promotion_id:guid}/pause"),
    ("pay_settlement", "POST", "v1/settlements/{settlement_id:guid}/pay"),
    ("pay_settlements", "POST", "v1/settlements/pay"),
    ("preview_product_group", "POST", "v1/product-groups/preview"),
    ("preview_store_group", "POST", "v1/store-groups/preview"),
    ("publish_promotion", "POST", "v1/promotions/{promotion_id:guid}/publish"),
    ("put_receipt_mapping", "PUT", "v1/retailers/{retailer_id}/receipt-mapping"),
    ("put_reconciliation_rules", "PUT", "v1/retailers/{retailer_id}/reconciliation-rules"),
    ("receive_report", "POST", "v1/notifications/reports/{secret}"),
    ("refresh_token", "POST", "v1/auth/refresh"),
    ("reject_promotion", "POST", "v1/promotions/{promotion_id:guid}/reject"),
    ("reopen_settlement", "POST", "v1/settlements/{settlement_id:guid}/reopen"),
    ("replay_transaction", "GET", "v1/transactions/{transaction_id:guid}/replay"),
    ("request_otp", "POST", "v1/auth/otp"),
    ("resolve_difference", "POST", "v1/differences/{difference_id:guid}/resolve"),
    ("resolve_differences", "POST", "v1/differences/resolve"),
    ("resume_promotion", "POST", "v1/promotions/{promotion_id:guid}/resume"),
    ("retry_notification", "POST", "v1/notifications/{notification_id:guid}/retry"),
    ("review_transaction", "POST", "v1/transactions/{transaction_id:guid}/review"),
    ("revoke_api_key", "POST", "v1/api-keys/{api_key_id:guid}/revoke"),
    ("sign_out", "POST", "v1/auth/logout"),
    ("submit_promotion", "POST", "v1/promotions/{promotion_id:guid}/submit"),
    ("switch_store", "POST", "v1/auth/store"),
    ("update_lane", "PATCH", "v1/lanes/{lane}"),
    ("update_product_group", "PATCH", "v1/product-groups/{group_id:guid}"),
    ("update_promotion", "PATCH", "v1/promotions/{promotion_id:guid}"),
    ("update_store_group", "PATCH", "v1/store-groups/{group_id:guid}"),
    ("update_user", "PATCH", "v1/users/{user_id:guid}"),
    ("verify_transaction", "POST", "v1/transactions/{transaction_id:guid}/verify"),
    ("void_transaction", "POST", "v1/transactions/{transaction_id:guid}/void"),
}
TIMERS = {("archive_promotions", "0 * * * * *"), ("run_due_work", "30 * * * * *")}
BLOBS = {
    ("ingest_upload", "uploads/{name}", "UPLOADS_STORAGE", "EventGrid"),
    ("run_job", "jobs/{name}", "UPLOADS_STORAGE", "EventGrid"),
}


@cache
def indexed() -> dict[str, dict[str, object]]:
    """The trigger of each function, as the genuine runtime indexes the app in a process of its own."""
    program = (
        "import json, sys, asyncio, logging; logging.basicConfig(level='WARNING');"
        "from pathlib import Path; from devhost.driver import Worker;"
        "worker = asyncio.run(Worker.start(Path('.'), None));"
        "print(json.dumps({f.name: f.trigger for f in worker.functions}))"
    )
    result = run(sys.executable, "-W", "error", "-c", program)
    assert result.stderr == "", "the app indexes with a warning"
    return json.loads(result.stdout)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    result = subprocess.run(
        command, cwd=ROOT, env=bare | environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def sources(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def test_http_functions_are_exactly_these() -> None:
    triggers = {name: each for name, each in indexed().items() if each["type"] == "httpTrigger"}
    assert {
        (name, method, each["route"]) for name, each in triggers.items() for method in each["methods"]
    } == HTTP
    assert {each["authLevel"] for each in triggers.values()} == {"ANONYMOUS"}


def test_timers_and_blob_triggers_are_exactly_these() -> None:
    timers = {(name, each["schedule"]) for name, each in indexed().items() if each["type"] == "timerTrigger"}
    assert timers == TIMERS
    assert {
        (name, each["path"], each["connection"], each["source"])
        for name, each in indexed().items()
        if each["type"] == "blobTrigger"
    } == BLOBS
    assert len(indexed()) == len(HTTP) + len(TIMERS) + len(BLOBS)


def test_no_two_routes_match_one_path() -> None:
    for (first, method, route), (second, other_method, other_route) in combinations(sorted(HTTP), 2):
        if method == other_method:
            assert not overlap(route, other_route), f"{first} and {second}"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("v1/a", "v1/a", True),
        ("v1/a", "v1/A", True),
        ("v1/a", "v1/b", False),
        ("v1/{x}", "v1/b", True),
        ("v1/{x:guid}", "v1/b", False),
        ("v1/{x:guid}", "v1/{y}", True),
        ("v1/{x}", "v1/b/c", False),
        ("v1/{x:guid}/publish", "v1/{y}/publish", True),
    ],
)
def test_overlap_of_routes(one: str, other: str, *, expected: bool) -> None:
    assert overlap(one, other) is expected


def overlap(route: str, other: str) -> bool:
    """Whether some path matches both; the host would give it to whichever function's name sorts first."""
    parts, other_parts = route.lower().split("/"), other.lower().split("/")
    return len(parts) == len(other_parts) and all(
        one == two or _takes(one, two) or _takes(two, one)
        for one, two in zip(parts, other_parts, strict=True)
    )


def _takes(template: str, segment: str) -> bool:
    if not template.startswith("{"):
        return False
    guid = template.endswith(":guid}")
    return not guid or segment.startswith("{")


def test_importing_the_app_opens_no_connection_and_reads_no_setting() -> None:
    run(
        sys.executable,
        "-W",
        "error",
        "-c",
        "import socket\n"
        "def refuse(*_): raise AssertionError('a connection at import')\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "import function_app\n",
    )


def test_importing_the_app_leaves_heavy_packages_to_those_who_need_them() -> None:
    heavy = ["azure.data.tables", "fpdf", "httpx", "jwt", "phonenumbers"]
    run(sys.executable, "-c", f"import function_app, sys; assert not sys.modules.keys() & set({heavy})")


def test_no_collection_goes_through_what_was_imported() -> None:
    """It would stop a request for as long as some of the slowest take."""
    run(
        sys.executable,
        "-c",
        "import function_app, gc; gc.collect(); assert len(gc.get_objects()) < 2000 < gc.get_freeze_count()",
    )


def test_the_app_file_only_registers() -> None:
    text = (ROOT / "function_app.py").read_text()
    assert len(text.splitlines()) < 40
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported == {"azure.functions", "functions", "gc"}


def test_the_domain_imports_without_any_package() -> None:
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        for path in sorted((ROOT / "shared" / "domain").rglob("*.py"))
    ]
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); " + "; ".join(f"import {m}" for m in modules)
    run(sys.executable, "-I", "-S", "-c", program)


def test_only_settings_reads_the_environment() -> None:
    for name, tree in sources("functions", "shared"):
        if name != "shared/settings.py":
            assert not [
                node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "environ"
            ], name


def test_only_the_edge_and_the_doors_read_the_clock() -> None:
    clocks = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}
    for name, tree in sources("shared"):
        if not name.startswith("shared/edge/"):
            read = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (node.value.id, node.attr) in clocks
            ]
            assert not read, name


def test_no_file_names_a_package_registry_or_the_folder_beside() -> None:
    hosts = [
        "registry." + "npmjs",
        "registry." + "yarnpkg",
        "py" + "pi.org",
        "files.python" + "hosted",
        "deb." + "debian",
        "../" + "shared/",
    ]
    found = re.compile("|".join(map(re.escape, hosts)))
    tracked = run("git", "ls-files", "-z").stdout.split("\0")
    for name in filter(None, tracked):
        path = ROOT / name
        if path.is_file():
            assert not found.search(path.read_text(errors="ignore")), name


def lint_commands() -> list[str]:
    """What `make lint` runs."""
    rule = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    return [line.removeprefix("\t@$(VENV)/bin/") for line in rule[1].splitlines()]


@pytest.mark.parametrize("command", lint_commands())
def test_checks_are_clean(command: str) -> None:
    program, *arguments = command.split()
    run(str(BIN / program), *arguments)
