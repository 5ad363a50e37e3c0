"""Small apps that tests write, for what the fixture app must not do."""

import json
from pathlib import Path

HEAD = """
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
"""
HTTP = """
@app.route({route})
def {name}(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse({reply})
"""


def write_app(folder: Path, code: str, host_json: object = None) -> Path:
    folder.mkdir()
    (folder / "function_app.py").write_text(HEAD + code)
    (folder / "host.json").write_text(json.dumps(host_json or {"version": "2.0"}))
    return folder


def http(name: str, route: str, reply: str = "'x'") -> str:
    return HTTP.format(name=name, route=route, reply=reply)
