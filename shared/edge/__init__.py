"""SPEAKS: HTTP, tokens, files and outside services."""
