"""The demo: the service, and a publisher who shows its polls in every way there is."""

from pollsvc.cli.demo.command import demo

__all__ = ["demo"]
