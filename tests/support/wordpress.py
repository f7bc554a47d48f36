"""A real WordPress with the plugin: PHP's own server on a free port, and a private MariaDB on a socket."""

import asyncio
import json
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import BrowserContext

from tests.support.server import free_port, until

ROOT = Path(__file__).parent.parent.parent
PLUGIN = ROOT / "static/wordpress/pollsvc"
NAME, PASSWORD = "admin", "a password for tests only"

_FILES = (ROOT / "build/wordpress/usr/share/wordpress", Path("/usr/share/wordpress"))
"""Where `make tools` unpacks WordPress, and where Debian installs it."""
_MARIADB = (
    *("--no-defaults", "--skip-networking", "--skip-grant-tables", "--skip-log-bin"),
    *("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M"),
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"),
)
_PHP = ("-d", "display_errors=stderr", "-d", "error_reporting=E_ALL", "-d", "opcache.enable=1")
_CONFIG = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:%(socket)s' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
define( 'WP_HOME', '%(origin)s' );
define( 'WP_SITEURL', '%(origin)s' );
define( 'DISABLE_WP_CRON', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
define( 'FS_METHOD', 'direct' );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '%(log)s' );
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {
	define( $name . '_KEY', 'a key for tests only: ' . $name );
	define( $name . '_SALT', 'a salt for tests only: ' . $name );
}
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
"""
_HELPERS = """<?php
// For the tests: polls on this machine may be asked for; each request that PHP makes is written down.
add_filter( 'http_request_host_is_external', '__return_true' );
add_filter( 'http_allowed_safe_ports', function ( $ports, $host, $url ) {
	return array( (int) wp_parse_url( $url, PHP_URL_PORT ) );
}, 10, 3 );
add_action( 'http_api_debug', function ( $response, $context, $class, $args, $url ) {
	file_put_contents( '%(requests)s', $url . PHP_EOL, FILE_APPEND );
}, 10, 5 );
// A language from right to left, without its translation.
add_action( 'wp_loaded', function () {
	if ( isset( $_GET['rtl'] ) ) {
		$GLOBALS['wp_locale']->text_direction = 'rtl';
	}
} );
"""


class WordPress:
    """A running WordPress of the tests, with the plugin switched on."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.site = folder / "site"
        self.plugin = self.site / "wp-content/plugins/pollsvc"
        self.log = folder / "php.log"
        self.requests = folder / "requests.log"

    async def php(self, code: str, **values: Any) -> Any:
        """Run PHP within WordPress, as its administrator, with the values in `$in`.

        Returns what the code returns. Raises AssertionError with what PHP says when it fails.
        """
        script = (
            f"require {json.dumps(str(self.site / 'wp-load.php'))};"
            "require_once ABSPATH . 'wp-admin/includes/admin.php';"
            "wp_set_current_user( 1 );"
            "$in = json_decode( stream_get_contents( STDIN ), true );"
            f"$out = ( function ( $in ) {{ {code} }} )( $in );"
            "echo PHP_EOL, json_encode( $out );"
        )
        process = await asyncio.create_subprocess_exec(
            "php", *_PHP, "-r", script, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(json.dumps(values).encode()), 30)
        assert process.returncode == 0, (out + err).decode()
        return json.loads(out.decode().rsplit("\n", 1)[1])

    async def post(self, content: str, title: str = "Article", **more: Any) -> str:
        """Publish a post; `more` are fields of wp_insert_post. Returns its permalink."""
        post = {"post_title": title, "post_content": content, "post_status": "publish", **more}
        return str(
            await self.php(
                # As wp_insert_post wants it: with slashes.
                "$id = wp_insert_post( wp_slash( $in['post'] ), true );"
                "if ( is_wp_error( $id ) ) throw new Exception( $id->get_error_message() );"
                "return get_permalink( $id );",
                post=post,
            )
        )

    async def get(self, address: str) -> str:
        """A page as a reader gets it, by its path or its whole address."""
        url = address if address.startswith("http") else self.origin + address
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def sign_in(self, context: BrowserContext, name: str = NAME) -> None:
        """Give a browser the cookies of a user, all of whom have the same password."""
        form: dict[str, str | float | bool] = {"log": name, "pwd": PASSWORD, "testcookie": "1"}
        await context.add_cookies(
            [{"name": "wordpress_test_cookie", "value": "WP Cookie check", "url": self.origin}]
        )
        answer = await context.request.post(f"{self.origin}/wp-login.php", form=form, max_redirects=0)
        assert answer.status == 302, await answer.text()

    async def set(self, url: str, every_post: bool = False) -> None:
        """Store the plugin's settings as its page would."""
        await self.php(
            "update_option( 'pollsvc', $in['settings'] );", settings={"url": url, "every_post": every_post}
        )

    def complaints(self) -> list[str]:
        """Errors, warnings and notices of PHP that name the plugin, or what WordPress says is done wrong."""
        log = self.site / "wp-content/debug.log"
        lines = [*self.log.read_text().splitlines(), *(log.read_text().splitlines() if log.exists() else [])]
        return [line for line in lines if "PHP " in line and ("pollsvc" in line or "incorrectly" in line)]


@asynccontextmanager
async def run_wordpress() -> AsyncIterator[WordPress]:
    """A WordPress installed anew, in English, with pretty permalinks; the plugin is on, without settings.

    Raises RuntimeError that says what is missing.
    """
    files = next((path for path in _FILES if (path / "wp-load.php").exists()), None)
    if not files or not shutil.which("mariadbd") or not shutil.which("php"):
        raise RuntimeError("The tests of the plugin need WordPress, PHP and MariaDB: run `make tools`.")
    with tempfile.TemporaryDirectory(prefix="wordpress-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        wordpress = WordPress(folder, port)
        wordpress.log.touch()
        async with _mariadb(folder) as socket:
            await asyncio.to_thread(_lay_out, files, wordpress, socket)
            async with _serve(wordpress, port):
                await _install(wordpress)
                wordpress.requests.write_text("")
                yield wordpress


@asynccontextmanager
async def _mariadb(folder: Path) -> AsyncIterator[str]:
    """The socket of a MariaDB with an empty database `wordpress`. It needs no system tables."""
    data, socket = folder / "data", folder / "mariadb.sock"
    (data / "wordpress").mkdir(parents=True)  # a database is a folder
    (data / "mysql").mkdir()
    command = ["mariadbd", *_MARIADB, f"--datadir={data}", f"--socket={socket}"]
    command += ["--user=root"] if os.geteuid() == 0 else []
    async with _running(command, folder / "mariadb.log") as process:
        await _until_there(socket, process, folder / "mariadb.log")
        yield str(socket)


def _lay_out(files: Path, wordpress: WordPress, socket: str) -> None:
    """WordPress' files, the plugin's, and the configuration, in a folder of their own."""
    site = wordpress.site
    unused = shutil.ignore_patterns(".htaccess", "wp-config.php", "ID3", "crop")  # links into other packages
    shutil.copytree(files, site, ignore=unused)
    shutil.copytree(PLUGIN, wordpress.plugin)
    values = {
        "socket": socket,
        "origin": wordpress.origin,
        "log": site / "wp-content/debug.log",
        "requests": wordpress.requests,
    }
    (site / "wp-config.php").write_text(_CONFIG % values)
    (site / "wp-content/mu-plugins").mkdir()
    (site / "wp-content/mu-plugins/tests.php").write_text(_HELPERS % values)


@asynccontextmanager
async def _serve(wordpress: WordPress, port: int) -> AsyncIterator[None]:
    command = ["php", *_PHP, "-S", f"127.0.0.1:{port}", "-t", str(wordpress.site)]
    # Several at once: pages ask for their parts in parallel.
    async with _running(command, wordpress.log, {"PHP_CLI_SERVER_WORKERS": "4"}):

        async def answers() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            await writer.wait_closed()
            return True

        await until(answers)
        yield


async def _install(wordpress: WordPress) -> None:
    fields = {
        "weblog_title": "The Courier",
        "user_name": NAME,
        "admin_password": PASSWORD,
        "admin_password2": PASSWORD,
        "admin_email": "admin@courier.example",
        "blog_public": "0",
        "pw_weak": "1",
        "language": "",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{wordpress.origin}/wp-admin/install.php?step=2", data=fields) as answer,
    ):
        page = await answer.text()
        assert "wp-login.php" in page, re.sub(r"<[^>]*>", " ", page)[:2000]
    await wordpress.php(
        "$failed = activate_plugin( 'pollsvc/pollsvc.php' );"
        "if ( is_wp_error( $failed ) ) throw new Exception( $failed->get_error_message() );"
        "global $wp_rewrite; $wp_rewrite->set_permalink_structure( '/%year%/%postname%/' );"
        "$wp_rewrite->flush_rules();"
        # No tour of the editor for those who open it the first time.
        "$seen = array( 'welcomeGuide' => false, 'fullscreenMode' => false );"
        "update_user_meta( 1, 'wp_persisted_preferences',"
        " array( 'core/edit-post' => $seen, '_modified' => '2026-01-01T00:00:00.000Z' ) );"
    )


@asynccontextmanager
async def _running(
    command: Sequence[str], log: Path, env: dict[str, str] | None = None
) -> AsyncIterator[Process]:
    """A process that is ended with the block, and all that it started."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=file,
            stderr=STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,  # so that the end reaches its workers too
        )
    try:
        yield process
    finally:
        # The group is there as long as one of its processes is.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _until_there(path: Path, process: Process, log: Path) -> None:
    async def there() -> bool:
        assert process.returncode is None, log.read_text()
        return path.exists()

    await until(there, 30)
