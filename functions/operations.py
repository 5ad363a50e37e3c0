"""Operations: health, readiness, and the description of this API."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Literal

import azure.functions as func
from pydantic import BaseModel
from pydantic_core import to_json

from shared.edge import openapi
from shared.edge.http import endpoint
from shared.edge.operations import Access, Content, Request
from shared.jobs import readiness

bp = func.Blueprint()

# The page runs its own scripts and talks to its own origin.
_PAGE_HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
    ),
    ("Referrer-Policy", "no-referrer"),
)
_MEDIA_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "png": "image/png",
}


class Health(BaseModel):
    status: Literal["ok"]


class AssetPath(Request):
    asset: Literal["swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"]


@endpoint(bp, "GET", "health", access=Access.OPEN, rate=None)
def get_health() -> Health:
    """Whether this process answers; asks nothing of anything else."""
    return Health(status="ok")


@endpoint(bp, "GET", "ready", access=Access.OPEN, raises=(readiness.NotReady,), rate=None)
def get_ready(now: datetime) -> Health:
    """Whether the database and the storage answered within the last few seconds."""
    readiness.check(now)
    return Health(status="ok")


@endpoint(bp, "GET", "openapi.json", access=Access.OPEN)
def get_openapi() -> Content:
    """This description, as OpenAPI 3.1."""
    return Content(_document(), "application/json")


@endpoint(bp, "GET", "docs", access=Access.OPEN)
def get_docs() -> Content:
    """An interactive page of this API; it loads nothing from elsewhere."""
    return _asset("index.html")


@endpoint(bp, "GET", "docs/{asset}", access=Access.OPEN)
def get_docs_asset(path: AssetPath) -> Content:
    """A file of the interactive page."""
    return _asset(path.asset)


@cache
def _document() -> bytes:
    return to_json(openapi.document())


@cache
def _asset(name: str) -> Content:
    body = files("shared.edge").joinpath("swagger", name).read_bytes()
    return Content(body, _MEDIA_TYPES[name.rpartition(".")[2]], _PAGE_HEADERS)
