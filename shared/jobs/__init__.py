"""RUNS: long or resumable work, one step one transaction."""
