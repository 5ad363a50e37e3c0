"""Reconciliation: what retailers' tills say beside what was recorded here."""
