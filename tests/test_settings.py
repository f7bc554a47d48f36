"""Every setting is documented, read from its variable, and refused in one line when it cannot work."""

import ipaddress
import re
from dataclasses import fields
from pathlib import Path

import pytest

from pollsvc.domain.errors import PollError
from pollsvc.domain.poll import Policy
from pollsvc.settings import Settings
from pollsvc.storage.database import check_url
from tests.support.reader import Http
from tests.support.server import SECRET, CliError, Service, run_service

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"
NAMES = [f"POLLSVC_{item.name.upper()}" for item in fields(Settings)]

GOOD = {
    "POLLSVC_DATABASE_URL": ("postgresql://u@h/n", "postgresql://u@h/n"),
    "POLLSVC_SECRET_KEYS": (f" {SECRET} , b{SECRET}", (SECRET, f"b{SECRET}")),
    "POLLSVC_BASE_URL": ("https://polls.example/", "https://polls.example"),
    "POLLSVC_ALLOWED_HOSTS": (
        "Polls.Internal, pölls.example., [2001:DB8::0:1]",
        ("polls.internal", "xn--plls-5qa.example", "[2001:db8::1]"),
    ),
    "POLLSVC_ADMISSION": ("strict", Policy.STRICT),
    "POLLSVC_REDIS_URL": (
        " rediss://user:p%20w@[2001:db8::1]:6380/2 ",
        "rediss://user:p%20w@[2001:db8::1]:6380/2",
    ),
    "POLLSVC_TRUSTED_PROXIES": (
        "10.0.0.0/8, ::1/128",
        (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")),
    ),
    "POLLSVC_METRICS_FROM": ("192.0.2.9", (ipaddress.ip_network("192.0.2.9"),)),
    "POLLSVC_LOG_FORMAT": ("json", "json"),
    "POLLSVC_LOG_LEVEL": ("info", "info"),
    "POLLSVC_DRAIN_SECONDS": ("5", 5),
    "POLLSVC_SETTINGS_FILE": ("/etc/pollsvc/settings", "/etc/pollsvc/settings"),
    "POLLSVC_QUEUE_LIMIT": ("7", 7),
    "POLLSVC_STREAMS_LIMIT": ("8", 8),
    "POLLSVC_STREAMS_PER_NETWORK": ("9", 9),
    "POLLSVC_APPEAL_DAYS": ("0", 0),
    "POLLSVC_PIN_FILE": ("/mnt/pins/log of polls", "/mnt/pins/log of polls"),
    "POLLSVC_WEBHOOK_ORIGINS": (
        "https://CMS.example:443/, http://127.0.0.1:8080",
        ("https://cms.example", "http://127.0.0.1:8080"),
    ),
}

BAD = [
    ("POLLSVC_DATABASE_URL", "mysql://u@h/n"),
    ("POLLSVC_DATABASE_URL", ""),
    ("POLLSVC_SECRET_KEYS", ""),
    ("POLLSVC_SECRET_KEYS", "short"),
    ("POLLSVC_SECRET_KEYS", "a" * 64),
    ("POLLSVC_SECRET_KEYS", f"{SECRET},"),
    ("POLLSVC_SECRET_KEYS", f"short,{SECRET}"),
    ("POLLSVC_BASE_URL", "polls.example"),
    ("POLLSVC_BASE_URL", "javascript:alert(1)"),
    ("POLLSVC_BASE_URL", "https://polls.example/p?x=1"),
    ("POLLSVC_BASE_URL", "https://polls.example/#f"),
    ("POLLSVC_BASE_URL", 'https://polls.example/"><script>'),
    ("POLLSVC_BASE_URL", "https://polls.example/a/../b"),
    ("POLLSVC_ALLOWED_HOSTS", "*"),
    ("POLLSVC_ALLOWED_HOSTS", "polls.example:8000"),
    ("POLLSVC_ALLOWED_HOSTS", "https://polls.example"),
    ("POLLSVC_ALLOWED_HOSTS", "polls.example/a"),
    ("POLLSVC_ALLOWED_HOSTS", "user@polls.example"),
    ("POLLSVC_ALLOWED_HOSTS", "::1"),
    ("POLLSVC_ADMISSION", "lax"),
    ("POLLSVC_REDIS_URL", "localhost:6379"),
    ("POLLSVC_REDIS_URL", "http://localhost:6379"),
    ("POLLSVC_REDIS_URL", "redis://"),
    ("POLLSVC_REDIS_URL", "redis:///0"),
    ("POLLSVC_REDIS_URL", "redis://localhost:65536"),
    ("POLLSVC_REDIS_URL", "redis://localhost:port"),
    ("POLLSVC_REDIS_URL", "redis://localhost/cache"),
    ("POLLSVC_REDIS_URL", "redis://localhost/0/1"),
    ("POLLSVC_REDIS_URL", "redis://a,b/0"),
    ("POLLSVC_REDIS_URL", "redis://user@else.example@localhost/0"),
    ("POLLSVC_REDIS_URL", "redis://localhost/0\r\nFLUSHALL"),
    ("POLLSVC_REDIS_URL", "redis://localhost/0?socket_timeout=1000000"),
    ("POLLSVC_REDIS_URL", "rediss://localhost/0?ssl_cert_reqs=none"),
    ("POLLSVC_REDIS_URL", "redis://a:%zz@/"),
    ("POLLSVC_REDIS_URL", "unix://run/redis.sock"),
    ("POLLSVC_REDIS_URL", "unix:///run/redis.sock?db=0&protocol=3"),
    ("POLLSVC_REDIS_URL", "unix:///run/redis.sock#x"),
    ("POLLSVC_TRUSTED_PROXIES", "10.0.0.1/8"),
    ("POLLSVC_TRUSTED_PROXIES", "everybody"),
    ("POLLSVC_QUEUE_LIMIT", "0"),
    ("POLLSVC_QUEUE_LIMIT", "-1"),
    ("POLLSVC_QUEUE_LIMIT", "many"),
    ("POLLSVC_STREAMS_LIMIT", "1.5"),
    ("POLLSVC_STREAMS_PER_NETWORK", "10000000000"),
    ("POLLSVC_STREAMS_PER_NETWORK", "٣"),
    ("POLLSVC_METRICS_FROM", "10.0.0.1/8"),
    ("POLLSVC_LOG_FORMAT", "xml"),
    ("POLLSVC_LOG_LEVEL", "debug"),
    ("POLLSVC_DRAIN_SECONDS", "601"),
    ("POLLSVC_APPEAL_DAYS", "-1"),
    ("POLLSVC_APPEAL_DAYS", "3651"),
    ("POLLSVC_APPEAL_DAYS", "a month"),
    ("POLLSVC_WEBHOOK_ORIGINS", "*"),
    ("POLLSVC_WEBHOOK_ORIGINS", "cms.example"),
    ("POLLSVC_WEBHOOK_ORIGINS", "https://cms.example/hook"),
    ("POLLSVC_WEBHOOK_ORIGINS", "ftp://cms.example"),
]


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = set(re.findall(r"POLLSVC_[A-Z_]+", DOCS.read_text()))
    assert {name for name in documented if not name.startswith("POLLSVC_TEST_")} == set(NAMES)


def test_every_setting_has_a_help_text_and_an_example_here() -> None:
    assert all(item.metadata["help"] for item in fields(Settings))
    assert set(GOOD) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_read_from_its_variable(name: str) -> None:
    text, value = GOOD[name]
    settings = Settings.from_environment({name: text})
    assert getattr(settings, name.removeprefix("POLLSVC_").lower()) == value
    others = {item.name: item.default for item in fields(Settings) if f"POLLSVC_{item.name.upper()}" != name}
    assert {other: getattr(settings, other) for other in others} == others


def test_a_flag_comes_before_the_environment() -> None:
    settings = Settings.from_environment({"POLLSVC_ADMISSION": "open"}, admission="strict", base_url=None)
    assert settings.admission is Policy.STRICT


def test_no_secret_is_shown() -> None:
    url = "postgresql://pollsvc:a-password@localhost/polls"
    redis = "redis://:a-password@localhost"
    shown = repr(
        Settings.from_environment(
            {"POLLSVC_SECRET_KEYS": "key-" * 9, "POLLSVC_DATABASE_URL": url, "POLLSVC_REDIS_URL": redis}
        )
    )
    assert "key-" not in shown
    assert "a-password" not in shown
    with pytest.raises(PollError) as failed:
        Settings.from_environment({"POLLSVC_REDIS_URL": f"{redis}:port"})
    assert "a-password" not in failed.value.message


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().queue_limit = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://Polls.Example:443/", "https://polls.example"),
        ("HTTP://polls.example:8080/a/b/", "http://polls.example:8080/a/b"),
        ("https://müller.example/pölls", "https://xn--mller-kva.example/p%C3%B6lls"),
        ("https://polls.example/p%C3%B6lls", "https://polls.example/p%C3%B6lls"),
    ],
)
def test_the_services_address_is_kept_as_browsers_spell_it(text: str, kept: str) -> None:
    assert Settings.from_environment({"POLLSVC_BASE_URL": text}).base_url == kept


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_wrong_setting_names_itself(name: str, text: str) -> None:
    with pytest.raises(PollError, match=name) as failed:
        check_url(
            Settings.from_environment({"POLLSVC_SECRET_KEYS": SECRET, name: text})
            .require_secrets()
            .database_url
        )
    assert "\n" not in failed.value.message
    assert failed.value.message.endswith(".")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POLLSVC_SECRET_KEYS", None),
        ("POLLSVC_SECRET_KEYS", "weak"),
        ("POLLSVC_DATABASE_URL", "oracle://x/y"),
        ("POLLSVC_ADMISSION", "lax"),
        ("POLLSVC_QUEUE_LIMIT", "0"),
    ],
)
async def test_serve_does_not_start_with_it(tmp_path: Path, name: str, text: str | None) -> None:
    """One line on standard error, status 2, and neither a port nor a database."""
    service = Service(f"sqlite:///{tmp_path}/pollsvc.db", tmp_path, {}, 1)
    service.env.pop(name, None)
    if text is not None:
        service.env[name] = text
    with pytest.raises(CliError) as failed:
        await service.run("serve", "--port", str(service.port))
    [line] = failed.value.output.strip().splitlines()
    assert (failed.value.status, line.startswith("pollsvc: "), name in line) == (2, True, True)
    assert name != "POLLSVC_SECRET_KEYS" or "pollsvc keys rotate" in line
    assert not (tmp_path / "pollsvc.db").exists()


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async with run_service(tmp_path, site=True) as service:
        with pytest.raises(CliError) as failed:
            await service.run("serve", "--port", str(service.port))
        [line] = failed.value.output.strip().splitlines()
        assert (failed.value.status, str(service.port) in line, "--port" in line) == (2, True, True)
        async with Http(service.base_url) as http:
            assert (await http.get("/readyz")).status == 200
