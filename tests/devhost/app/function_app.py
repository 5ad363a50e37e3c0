"""An app whose functions show what the host passes in, and that try every kind of reply."""

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import azure.functions as func
from azure_functions_runtime import invocation_id_cv
from azurefunctions.extensions.bindings import blob

logger = logging.getLogger("fixture")
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
record_folder = Path(os.environ["RECORD_FOLDER"])


def record(kind: str, **values: Any) -> None:
    """Append to a file that the tests read."""
    with (record_folder / f"{kind}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def wait_for(name: str) -> None:
    """Wait until a test puts this file into the record folder."""
    while not (record_folder / name).exists():
        time.sleep(0.02)


@app.route(route="echo/{*rest}")
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().decode("latin-1"),
        "pooled": threading.current_thread() is not threading.main_thread(),
        "invocation": context.invocation_id,
        "in_context": invocation_id_cv.get(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="aecho")
async def echo_async(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "body": req.get_body().decode("latin-1"),
        "pooled": threading.current_thread() is not threading.main_thread(),
        "invocation": context.invocation_id,
        "in_context": invocation_id_cv.get(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="items/{id}")
def a_item(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"item {req.route_params['id']}")


@app.route(route="items/search")
def z_search(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"search {req.url}")


@app.route(route="things/{id:guid}", methods=["GET"])
def get_thing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"get {req.route_params['id']}")


@app.route(route="things/{id:guid}", methods=["DELETE"])
def delete_thing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"delete {req.route_params['id']}")


@app.route(route="numbers/{n:int?}")
def number(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(req.route_params)))


@app.route()
def unrouted(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


@app.route(route="raises")
def raises(req: func.HttpRequest) -> func.HttpResponse:
    raise ZeroDivisionError(f"on purpose: {req.params['mark']}")


@app.route(route="nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    record("nothing", method=req.method)
    return None  # type: ignore[return-value]


@app.route(route="text")
def text(req: func.HttpRequest) -> str:
    return f"plain {req.method}"


@app.route(route="described", methods=["POST"])
def described(req: func.HttpRequest) -> str:
    return req.get_body().decode()


@app.route(route="reply", methods=["POST"])
def reply(req: func.HttpRequest) -> func.HttpResponse:
    """Whatever the request describes."""
    wanted = req.get_json()
    made = func.HttpResponse(
        wanted.get("body"), status_code=wanted.get("status"), mimetype=wanted.get("mimetype")
    )
    for name, value in wanted.get("headers", []):
        made.headers.add(name, value)
    return made


@app.route(route="log")
def log(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logger.info("marked %s", req.params["mark"])
    return func.HttpResponse(context.invocation_id)


@app.route(route="slow")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    mark = req.params["mark"]
    record("slow-began", mark=mark)
    wait_for(f"go-{mark}")
    record("slow", mark=mark)
    return func.HttpResponse("done")


@app.route(route="locked", auth_level=func.AuthLevel.FUNCTION)
def locked(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.params.get("code", "no code"))


@app.route(route="locked-too", auth_level=func.AuthLevel.FUNCTION)
def locked_too(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


@app.route(route="mastered", auth_level=func.AuthLevel.ADMIN)
def mastered(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


@app.route(route="records/{kind}", methods=["GET"])
def records(req: func.HttpRequest) -> func.HttpResponse:
    """What was recorded, for those who cannot see the folder."""
    path = record_folder / f"{req.route_params['kind']}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return func.HttpResponse(f"[{','.join(lines)}]", mimetype="application/json")


@app.route(route="release/{name}", methods=["POST"])
def release(req: func.HttpRequest) -> func.HttpResponse:
    """Let the function go on that waits for this name."""
    (record_folder / f"go-{req.route_params['name']}").touch()
    return func.HttpResponse(status_code=204)


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    record(
        "tick",
        past_due=timer.past_due,
        schedule=timer.schedule,
        status=timer.schedule_status,
        process=os.getpid(),
    )


@app.blob_trigger(
    arg_name="client",
    path="%UPLOADS_CONTAINER%/{name}",
    connection="UPLOADS_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def take_client(client: blob.BlobClient) -> None:
    """Fails while the blob says so; waits when its name asks for it."""
    name = str(client.blob_name)
    record("began", name=name)
    if name.startswith("wait-"):
        wait_for(f"go-{name}")
    content = client.download_blob().readall().decode()
    record("client", name=name, content=content, container=client.container_name)
    if content == "fail":
        raise ValueError(f"{name} fails on purpose")


@app.blob_trigger(
    arg_name="stream",
    path="streams/{stem}.{kind}",
    connection="UPLOADS_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def take_stream(stream: func.InputStream) -> None:
    record(
        "stream",
        name=stream.name,
        uri=stream.uri,
        length=stream.length,
        content=stream.read().decode(),
        metadata=stream.metadata,
    )
