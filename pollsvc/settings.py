"""The one settings object, read from `POLLSVC_*` variables; nothing is read at import."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import quote

from pollsvc.domain.article import canonical_origin, origin_of
from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Policy

MIN_SECRET = 32
"""The shortest secret key that is accepted, in characters."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _setting(default: object, text: str, *, secret: bool = False, reloads: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": text, "reloads": reloads})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set; each field `name` is the variable `POLLSVC_NAME`.

    Those that `reloads` is true of may change while the service runs.
    """

    database_url: str = _setting(
        "sqlite:///pollsvc.db", "sqlite:///path.db or postgresql://user@host/name", secret=True
    )
    secret_keys: tuple[str, ...] = _setting(
        (),
        "comma-separated secrets of at least 32 characters, oldest first; the last one signs",
        secret=True,
    )
    base_url: str = _setting("", "the service's public URL, path prefix included; default: host and port")
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "comma-separated hosts that are answered for, beside that of the base URL and loopback names",
        reloads=True,
    )
    admission: Policy = _setting(
        Policy.STANDARD, "default admission policy: open, standard or strict", reloads=True
    )
    redis_url: str = _setting(
        "",
        "redis://, rediss:// or unix:// of a Valkey or Redis where processes share the paces of votes",
        secret=True,
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (),
        "comma-separated CIDR networks of proxies whose X-Forwarded-For and X-Request-ID are believed",
        reloads=True,
    )
    metrics_from: tuple[Network, ...] = _setting(
        (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")),
        "comma-separated CIDR networks of clients that may read /metrics",
        reloads=True,
    )
    log_format: str = _setting("human", "how the log is written: human or json", reloads=True)
    log_level: str = _setting(
        "warning",
        "what is written to the log: error, warning, or info for a line of each request",
        reloads=True,
    )
    queue_limit: int = _setting(
        5_000, "votes that may wait for the database before 503 busy is answered", reloads=True
    )
    streams_limit: int = _setting(10_000, "live streams that one process holds open at most", reloads=True)
    streams_per_network: int = _setting(
        1_000,
        "live streams that one network (IPv4 /32, IPv6 /64) holds open at most in one process",
        reloads=True,
    )
    drain_seconds: int = _setting(
        0, "seconds for which /readyz says that the service is ending before it takes no more", reloads=True
    )
    settings_file: str = _setting(
        "", "a file of lines POLLSVC_NAME=value, read at the start and again on SIGHUP"
    )
    appeal_days: int = _setting(
        30, "days after a poll has closed when nobody can tell any more which ballot is a reader's"
    )
    pin_file: str = _setting(
        "", "a file that signed heads of the log are appended to, so that a rewritten history shows"
    )
    webhook_origins: tuple[str, ...] = _setting(
        (), "comma-separated origins that webhooks may be sent to; none: there are no webhooks"
    )

    @property
    def origin(self) -> str:
        """The origin of `base_url`; empty without one."""
        return origin_of(self.base_url) or ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are named as the service's, as browsers write them."""
        own = (_host_in(self.base_url),) if self.base_url else ()
        return (*own, *self.allowed_hosts)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **overrides: object) -> "Settings":
        """Read the settings; `overrides` (those that are not None) come before the environment.

        Raises PollError `bad_request` with one sentence that names the setting and says what to do.
        """
        values: dict[str, object] = {}
        for item in fields(cls):
            name = f"POLLSVC_{item.name.upper()}"
            override = overrides.pop(item.name, None)
            text = environment.get(name) if override is None else str(override)
            if text is not None:
                values[item.name] = _read(item.name, name, text.strip())
        if overrides:
            raise TypeError(f"no such settings: {', '.join(overrides)}")
        return cls(**values)  # type: ignore[arg-type]

    def reloaded(self, new: "Settings") -> tuple["Settings", list[str]]:
        """These settings with those of `new` that may change, and the names of the others that differ."""
        differ = {item for item in fields(self) if getattr(self, item.name) != getattr(new, item.name)}
        taken = {item.name: getattr(new, item.name) for item in differ if item.metadata["reloads"]}
        left = sorted(f"POLLSVC_{item.name.upper()}" for item in differ if item.name not in taken)
        return replace(self, **taken), left

    def require_secrets(self) -> "Settings":
        """These settings, if their secrets can sign. Raises PollError `bad_request` otherwise."""
        if not self.secret_keys:
            raise _wrong("POLLSVC_SECRET_KEYS is not set: run `pollsvc keys rotate` and set what it prints.")
        if any(len(key) < MIN_SECRET or len(set(key)) < 8 for key in self.secret_keys):
            raise _wrong(
                f"POLLSVC_SECRET_KEYS has a weak key: each needs {MIN_SECRET} random characters; "
                "run `pollsvc keys rotate` and set what it prints."
            )
        return self


def read_file(text: str) -> dict[str, str]:
    """The variables in a settings file: lines `POLLSVC_NAME=value`, as systemd's EnvironmentFile has them.

    Empty lines and those that begin with # or ; are passed over, and quotes around a value. Raises PollError
    `bad_request` for any other.
    """
    known = {f"POLLSVC_{item.name.upper()}" for item in fields(Settings)}
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if not equals or name not in known:
            raise _wrong(
                f"Line {number} of POLLSVC_SETTINGS_FILE must be a setting, such as POLLSVC_ADMISSION=open."
            )
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        found[name] = value[1:-1] if quoted else value
    return found


_RANGES = {"appeal_days": (0, 3_650), "drain_seconds": (0, 600)}


def _read(field_name: str, name: str, text: str) -> object:  # noqa: PLR0911, PLR0912 - one for each sort
    match field_name:
        case "secret_keys":
            keys = tuple(part.strip() for part in text.split(","))
            if text and not all(keys):
                raise _wrong(f"{name} has an empty key: remove the comma too many.")
            return keys if text else ()
        case "trusted_proxies" | "metrics_from":
            try:
                return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
            except ValueError as error:
                raise _wrong(f"{name} must be networks such as 10.0.0.0/8,::1/128: {error}.") from None
        case "admission":
            try:
                return Policy(text)
            except ValueError:
                raise _wrong(f"{name} must be open, standard or strict, not {text!r}.") from None
        case "log_format" | "log_level":
            known = ("human", "json") if field_name == "log_format" else ("error", "warning", "info")
            if text not in known:
                raise _wrong(f"{name} must be one of {', '.join(known)}, not {text!r}.")
        case "queue_limit" | "streams_limit" | "streams_per_network" | "appeal_days" | "drain_seconds":
            least, most = _RANGES.get(field_name, (1, 1_000_000))
            if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
                raise _wrong(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
            return int(text)
        case "allowed_hosts":
            return _hosts(name, text)
        case "webhook_origins":
            return _origins(name, text)
        case "redis_url":
            return _redis_url(name, text) if text else ""
        case "base_url":
            return _base_url(name, text) if text else ""
    return text


_NOT_IN_A_PATH = re.compile(r"""[\s?#"<>\\]|/\.{0,2}(?=/|$)""")
"""Also empty and dot segments, which proxies and browsers take away."""


def _base_url(name: str, text: str) -> str:
    """An http(s) URL: its origin as browsers spell it, its path percent-encoded and without a last slash."""
    origin, path = origin_of(text), "/".join(["", *text.strip().split("/")[3:]]).rstrip("/")
    if origin is None or _NOT_IN_A_PATH.search(path):
        raise _wrong(f"{name} must be an http(s) URL such as https://polls.example, not {text!r}.")
    return origin + quote(path, safe="/%!$&'()*+,;=:@~")


_REDIS_HOST = re.compile(r"(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?", re.IGNORECASE)


def _redis_url(name: str, text: str) -> str:
    """A URL without options, since some of those undo what it is meant to be; told without its password."""
    wrong = _wrong(
        f"{name} must be such as redis://:PASSWORD@HOST:6379/0, rediss://HOST/0 or "
        "unix:///run/valkey.sock?db=0; what is not a letter or digit in a name or password is written as %XX."
    )
    if not text.isascii() or not text.isprintable() or set(text) & set(" \"'<>\\^`{|}#"):
        raise wrong
    scheme, _, rest = text.partition("://")
    if scheme == "unix":
        path, _, options = rest.partition("?")
        if not path.startswith("/") or "@" in path or not re.fullmatch(r"(db=[0-9]{1,4})?", options):
            raise wrong
        return text
    where, _, database = rest.partition("/")
    login, _, host = where.rpartition("@")
    found = _REDIS_HOST.fullmatch(host)
    good = scheme in {"redis", "rediss"} and re.fullmatch(r"[0-9]{0,4}", database)
    if not good or found is None or not 0 < int(found["port"] or 1) < 65_536 or set(login) & set("@?[]"):
        raise wrong
    return text


def _origins(name: str, text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = {part: canonical_origin(part) for part in parts}
    for part, origin in found.items():
        if origin is None:
            raise _wrong(f"{name} must be origins such as https://cms.example, without a path, not {part!r}.")
    return tuple(dict.fromkeys(origin for origin in found.values() if origin))


def _hosts(name: str, text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = {part: canonical_origin(f"http://{part}/") for part in parts}
    for part, origin in found.items():
        if origin is None or "@" in part or _host_in(origin) != origin.partition("://")[2].removesuffix("."):
            raise _wrong(f"{name} must be hosts such as polls.example,[::1], without a port, not {part!r}.")
    return tuple(dict.fromkeys(_host_in(origin) for origin in found.values() if origin))


def _host_in(url: str) -> str:
    """The host of a canonical http(s) URL; an IPv6 address in brackets."""
    return re.sub(r":[0-9]*$", "", url.split("/")[2]).removesuffix(".")


def _wrong(message: str) -> PollError:
    return PollError(Code.BAD_REQUEST, message)
