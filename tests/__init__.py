"""Tests, in the layout of the rooms."""
