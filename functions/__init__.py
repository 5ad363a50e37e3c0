"""DOORS: one module per area, the only place where triggers live."""
