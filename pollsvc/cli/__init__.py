"""The command line."""

from pollsvc.cli.main import main

__all__ = ["main"]
