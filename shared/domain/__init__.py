"""DECIDES: frozen dataclasses and functions of the standard library only."""
