"""A connection to PostgreSQL by a URL that may name several hosts, of which one takes writes."""

import socket
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_NOT_THIS_ONE = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)


def host_urls(url: str) -> list[str]:
    """A URL for each host of `postgresql://user@one:5432,two/name`, in their order; else the URL itself.

    The form is libpq's (https://www.postgresql.org/docs/current/libpq-connect.html, 34.1.1.3).
    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [url]  # which may name its host, or a socket's folder, behind the question mark
    return [urlunsplit(parts._replace(netloc=user + at + host)) for host in hosts.split(",")]


_found: dict[str, str] = {}
"""The URL of the host that was found last, by the URL of all of them."""


async def connect(url: str, *, timeout: float, **options: Any) -> asyncpg.Connection:
    """A connection to the first host that answers and is what `target_session_attrs` of the URL asks for.

    The one that was found last is asked first: after a standby took over, only one connection looks for it.
    Each has its share of the `timeout` (seconds): the driver has one for all of them, and a host that is
    cut off, and so refuses nothing, would use it up before the standby is asked. Raises what the last one
    raised; what another host would refuse too, such as a password, is raised at once.
    """
    urls = sorted(host_urls(url), key=lambda one: one != _found.get(url))
    for last, one in enumerate(urls, start=1 - len(urls)):
        try:
            found = await asyncpg.connect(one, timeout=timeout / len(urls), **options)
        except _NOT_THIS_ONE:
            if not last:
                raise
        else:
            _found[url] = one
            if options.get("command_timeout"):
                _end_when_cut_off(found)
            return found
    raise AssertionError("a URL names at least one host")


_GONE_AFTER = 3
"""Seconds without any sign of the other host after which a service's connection ends, at both ends."""


def _end_when_cut_off(connection: asyncpg.Connection) -> None:
    """Have the system look each second whether PostgreSQL's host is there, where it can (Linux: tcp(7))."""
    end = connection._transport.get_extra_info("socket")
    if end.family == socket.AF_UNIX:
        return
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_USER_TIMEOUT": _GONE_AFTER * 1000}
    for name, value in options.items():
        if hasattr(socket, name):
            end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def session(timeout: float) -> str:
    """Columns of a SELECT that have PostgreSQL end by itself what it does for a service that is gone.

    A host that is lost closes nothing: its sessions would stay for hours, by the system's keepalives, and one
    in a transaction would keep its polls locked for all others. A statement ends after `timeout` (seconds) in
    any case. What the settings mean:
    https://www.postgresql.org/docs/current/runtime-config-connection.html
    """
    settings = {
        "tcp_keepalives_idle": "1s",
        "tcp_keepalives_interval": "1s",
        "tcp_user_timeout": f"{_GONE_AFTER}s",
        "statement_timeout": f"{timeout * 1000:.0f}ms",
    }
    return ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
