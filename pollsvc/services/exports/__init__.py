"""Polls as files: their definition, numbers and anonymous ballots as JSON, NDJSON or CSV."""
