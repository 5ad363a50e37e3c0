"""DOORS: one module per area, the only place where triggers live."""

from shared.edge import logs

# Before any door opens, whichever host opens it.
logs.install()
