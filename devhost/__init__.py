"""The local Functions host and its services, for machines without Core Tools."""
