"""How the host starts, refuses to start, and stops."""

import signal
from pathlib import Path

import pytest

from tests.devhost.apps import http, write_app
from tests.devhost.programs import Host, Program
from tests.harness import eventually

BLOB = """
@app.blob_trigger(arg_name="stream", path="x/{name}", connection="UPLOADS_STORAGE"SOURCE)
def take(stream: func.InputStream) -> None: ...
"""
EVENT_GRID = BLOB.replace("SOURCE", ", source=func.BlobSource.EVENT_GRID")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nosuchmodule", "No module named 'nosuchmodule'"),
        ("1 / 0", 'function_app.py", line 4, in <module>'),
        ("app = None", "Could not find top level function app instances"),
        (
            http("f", "").replace("HttpRequest", "TimerRequest"),
            "function parameter's Python type annotation TimerRequest",
        ),
        (http("f", "route='admin/x'"), "f: routes beginning with admin or runtime belong to the host"),
        (http("f", "route='x'") + http("g", "route='X'"), "g and f have the same route and method"),
        (http("f", "route='x/{id:odd}'"), "the local host does not know the constraint 'odd'"),
        (http("f", "route='%NOT_SET%'"), "the setting NOT_SET is not set"),
        (BLOB.replace("SOURCE", ""), "take: on Flex Consumption a blob trigger needs source=EventGrid"),
        (EVENT_GRID.replace("UPLOADS_STORAGE", "NO_STORAGE"), "its connection NO_STORAGE is not set"),
    ],
    ids=[
        "import",
        "raises",
        "no app",
        "annotation",
        "reserved",
        "same route",
        "constraint",
        "setting",
        "source",
        "connection",
    ],
)
def test_an_app_azure_would_not_run_is_refused_with_the_reason(tmp_path: Path, code: str, said: str) -> None:
    host = Host(tmp_path, "UseDevelopmentStorage=true", app=write_app(tmp_path / "app", code))
    host.start()
    assert host.wait() == 1
    assert said in host.errors
    assert "ready" not in host.output


def test_a_blob_trigger_needs_storage_for_its_queue(tmp_path: Path) -> None:
    host = Host(tmp_path, "UseDevelopmentStorage=true", app=write_app(tmp_path / "app", EVENT_GRID))
    host.environment["AzureWebJobsStorage"] = ""
    host.start()
    assert host.wait() == 1
    assert "the setting AzureWebJobsStorage is not set" in host.errors


@pytest.mark.parametrize(
    ("host_json", "said"),
    [
        ({"extensions": {"http": {"routePrefix": 1}}}, "extensions.http.routePrefix cannot be 1"),
        ({"extensions": {"blobs": {"poisonBlobThreshold": 0}}}, "poisonBlobThreshold cannot be 0"),
        ({"logging": {"logLevel": {"default": "Loud"}}}, "logging.logLevel.default cannot be 'Loud'"),
    ],
)
def test_a_host_json_that_makes_no_sense_is_refused(tmp_path: Path, host_json: object, said: str) -> None:
    host = Host(tmp_path, "", app=write_app(tmp_path / "app", http("f", ""), host_json))
    host.start()
    assert host.wait() == 1
    assert said in host.errors


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    host = Host(tmp_path, "", app=tmp_path)
    host.start()
    assert host.wait() == 1
    assert "host.json is missing" in host.errors


def test_a_busy_port_is_said_and_refused(host: Host, tmp_path: Path) -> None:
    port = host.url.rpartition(":")[2]
    second = Host(tmp_path, "", port=int(port))
    second.start()
    assert second.wait() == 1
    assert f"port {port} on 127.0.0.1: is busy" in second.errors


def test_the_route_prefix_may_be_empty_and_threads_are_a_thousand(tmp_path: Path) -> None:
    code = "import os\n" + http("threads", "", "os.environ['PYTHON_THREADPOOL_THREAD_COUNT']")
    app = write_app(tmp_path / "app", code, {"extensions": {"http": {"routePrefix": ""}}})
    host = Host(tmp_path, "", app=app)
    host.start()
    assert host.request("GET", "/threads").text == "1000"
    assert host.stop() == 0


@pytest.mark.parametrize(
    ("levels", "heard"),
    [
        ({"default": "Warning", "Function": "Information"}, ["INFO", "WARNING"]),
        ({"default": "Warning"}, ["WARNING"]),
    ],
)
def test_the_apps_logging_has_the_level_of_functions(
    tmp_path: Path, levels: dict[str, str], heard: list[str]
) -> None:
    code = "import logging\n" + http("f", "", "str(logging.info('marked')) + str(logging.warning('marked'))")
    host_json = {"logging": {"logLevel": levels}}
    host = Host(tmp_path, "", app=write_app(tmp_path / "app", code, host_json))
    host.start()
    assert host.request("GET", "/api/f").status_code == 200
    assert host.stop() == 0
    assert [line["level"] for line in host.log if line["message"] == "marked"] == heard


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told_to(own_host: Host, how: signal.Signals) -> None:
    own_host.start()
    assert own_host.url
    assert own_host.stop(how) == 0
    assert "Traceback" not in own_host.errors


def test_it_lets_running_functions_finish_when_told_to_stop(own_host: Host) -> None:
    own_host.start()
    own_host.upload("uploads", "wait-stop", "ok")
    own_host.notify("take_client", "uploads", "wait-stop")
    eventually(lambda: own_host.recorded("began"))
    own_host.send(signal.SIGTERM)
    own_host.release("wait-stop")
    assert own_host.wait() == 0
    assert own_host.recorded("client")
    assert own_host.messages() == 0


@pytest.mark.slow
def test_a_function_that_does_not_end_is_abandoned_when_told_to_stop(own_host: Host) -> None:
    own_host.start()
    own_host.upload("uploads", "wait-forever", "ok")
    own_host.notify("take_client", "uploads", "wait-forever")
    eventually(lambda: own_host.recorded("began"))
    assert own_host.stop() == 1
    assert "stopped while functions were still running" in own_host.errors


def test_the_app_folder_is_left_as_it_was(host: Host) -> None:
    assert host.request("GET", "/api/text").status_code == 200
    left = {path.name for path in Path(__file__).with_name("app").iterdir()} - {"__pycache__"}
    assert left == {"__init__.py", "function_app.py", "host.json"}


def test_a_usage_error_is_told(tmp_path: Path) -> None:
    program = Program(tmp_path, {}, "devhost.host")
    program.start()
    assert program.wait() == 2
    assert "--state" in program.errors


def test_settings_between_percent_signs_are_resolved(host: Host) -> None:
    listed = {
        function["name"]: function["config"]["bindings"]
        for function in host.request("GET", "/admin/functions").json()
    }
    assert listed["tick"][0]["schedule"] == host.environment["TICK_SCHEDULE"]
