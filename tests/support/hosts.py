"""Several machines: network namespaces on one switch, whose cables can be pulled out.

Packets to and from a host that is cut off vanish: nothing is refused, and no connection is closed.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.postgres import BINARIES
from tests.support.server import Service, until
from tests.support.untested import untested

_CLONE_NEWNET = 0x40000000  # sched.h
_NET = "10.77.0"
SWITCH = f"{_NET}.254"
"""The address of the test itself, at the switch."""


class Network:
    """Hosts by name, each with an address and a namespace of its own, between the test and one another."""

    def __init__(self, *names: str) -> None:
        self._switch = f"pollsvc-{os.getpid()}-switch"
        self._spaces = {name: f"pollsvc-{os.getpid()}-{name}" for name in names}
        self.addresses = {name: f"{_NET}.{number}" for number, name in enumerate(names, 1)}

    def lay(self) -> None:
        """Make the namespaces and the cables; the addresses are known to all, or the kernel would tell."""
        everybody = {**self.addresses, "": SWITCH}
        for space in (self._switch, *self._spaces.values()):
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
        switch = ("-n", self._switch)
        _ip(*switch, "link", "add", "switch", "address", _mac(SWITCH), "type", "bridge")
        _ip(*switch, "addr", "add", f"{SWITCH}/24", "dev", "switch")
        _ip(*switch, "link", "set", "switch", "up")
        for name, space in self._spaces.items():
            there = ("name", "cable", "address", _mac(self.addresses[name]), "netns", space)
            _ip(*switch, "link", "add", name, "type", "veth", "peer", *there)
            _ip(*switch, "link", "set", name, "master", "switch", "up")
            _ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", "cable")
            _ip("-n", space, "link", "set", "cable", "up")
        for space, device in ((self._switch, "switch"), *((one, "cable") for one in self._spaces.values())):
            for address in everybody.values():
                _ip("-n", space, "neigh", "replace", address, "lladdr", _mac(address), "dev", device)

    def remove(self) -> None:
        """End what still runs on the hosts, and take all of it away."""
        for name, space in self._spaces.items():
            with suppress(subprocess.CalledProcessError):
                self.kill(name)
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", space)
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self._switch)

    def on(self, name: str) -> Sequence[str]:
        """What a command begins with that is to run on a host."""
        return ("ip", "netns", "exec", self._spaces[name])

    def cut_off(self, name: str) -> None:
        _ip("-n", self._switch, "link", "set", name, "down")

    def connect(self, name: str) -> None:
        _ip("-n", self._switch, "link", "set", name, "up")

    def kill(self, name: str) -> None:
        """kill -9, everything on a host."""
        for pid in _ip("netns", "pids", self._spaces[name]).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def lose(self, name: str) -> None:
        """What a power cut does: it says no more to anybody."""
        self.cut_off(name)
        self.kill(name)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Has this thread at the switch, where it reaches the hosts and nothing else."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as home,
            Path(f"/run/netns/{self._switch}").open("rb") as switch,
        ):
            _enter(switch.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Hosts with these names, at whose switch the test is."""
    hosts = Network(*names)
    try:
        try:
            hosts.lay()
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            untested("network namespaces cannot be made here", error)
        with hosts.entered():
            yield hosts
    finally:
        hosts.remove()


def _ip(*args: str) -> str:
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True).stdout


def _mac(address: str) -> str:
    return f"02:00:00:00:00:{int(address.rpartition('.')[2]):02x}"


def _enter(space: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class HostedService(Service):
    """`pollsvc serve` on a host; its commands run at the switch, and what readers know is `public_url`."""

    forks = None

    def __init__(
        self,
        hosts: Network,
        host: str,
        database_url: str,
        folder: Path,
        public_url: str,
        env: Mapping[str, str],
    ) -> None:
        address = hosts.addresses[host]
        own = {"POLLSVC_BASE_URL": public_url, "POLLSVC_ALLOWED_HOSTS": address}
        super().__init__(database_url, folder, {**own, **env}, workers=2, port=8000)
        self.base_url = f"http://{address}:{self.port}"
        self.flags = ("--host", address)
        self.log = folder / f"{host}.log"
        self._on = hosts.on(host)

    async def _begin(self, args: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Process:
        return await asyncio.create_subprocess_exec(
            *(*self._on, sys.executable, "-m", "pollsvc", *args),
            stdout=out,
            stderr=err,
            env=self.env,
            cwd=self._folder,
            start_new_session=True,
        )


async def start_redis(hosts: Network, host: str) -> str:
    """The URL of a Redis that now runs on a host, until everything there is killed."""
    address = hosts.addresses[host]
    flags = ("--bind", address, "--protected-mode", "no", "--save", "")
    await asyncio.create_subprocess_exec(*hosts.on(host), "redis-server", *flags, stdout=DEVNULL)
    url = f"redis://{address}"
    async with Redis.from_url(url) as client:

        async def answers() -> bool:
            with suppress(RedisError):
                return bool(await client.ping())
            return False

        await until(answers)
    return url


class Postgres:
    """A durable PostgreSQL on a host, by Debian's programs."""

    def __init__(self, hosts: Network, host: str, folder: Path) -> None:
        assert BINARIES, "PostgreSQL is missing: install it (on Debian: sudo apt-get install postgresql)"
        self._on = (*hosts.on(host), "runuser", "-u", "postgres", "--")
        self._folder = folder / host
        self._folder.mkdir()
        shutil.chown(self._folder, "postgres")
        self._data = str(self._folder / "data")
        self.address = hosts.addresses[host]
        self.url = f"postgresql://postgres@{self.address}/postgres"

    async def create(self) -> None:
        """Make it, for all hosts of the network to connect to."""
        await self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", self._data)
        with (self._folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all,replication all {_NET}.0/24 trust\n")

    async def copy(self, primary: "Postgres", name: str) -> None:
        """Make it a standby with this `application_name`."""
        source = f"host={primary.address} user=postgres application_name={name}"
        await self._run("pg_basebackup", "-R", "-c", "fast", "--no-sync", "-D", self._data, "-d", source)

    async def start(self) -> None:
        options = f"-c listen_addresses={self.address} -k {self._folder}"
        await self._control("start", "-o", options, "-l", f"{self._folder}/log")

    async def stop(self, how: str) -> None:
        """By `fast` or `immediate`; the last is a crash."""
        await self._control("stop", "-m", how)

    async def promote(self) -> None:
        await self._control("promote")

    async def _control(self, *args: str) -> None:
        await self._run("pg_ctl", "-w", "-D", self._data, *args)

    async def _run(self, command: str, *args: str) -> None:
        program = str(BINARIES[-1].with_name(command))
        with (self._folder / "commands.log").open("ab") as said:  # a pipe would be open as long as the server
            process = await asyncio.create_subprocess_exec(
                *self._on, program, *args, stdout=said, stderr=said, cwd=self._folder
            )
            status = await asyncio.wait_for(process.wait(), 60)
        assert status == 0, (self._folder / "commands.log").read_text()
