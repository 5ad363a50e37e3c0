"""DOORS: one module per area, the only place where triggers live."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import azure.functions as func

from shared.edge import logs

# Before any door opens, whichever host opens it.
logs.install()


def blueprints() -> Iterator[func.Blueprint]:
    """The blueprint of every area; which functions they come to is held by a test."""
    for area in iter_modules(__path__):
        yield import_module(f"{__name__}.{area.name}").bp
