"""Those who work at a real WordPress: the settings, the block editor, and the plugin coming and going."""

import re
import subprocess
from zipfile import ZipFile

from playwright.async_api import Page, expect

from pollsvc import __version__
from tests.support.courier import Courier
from tests.support.wordpress import PLUGIN, ROOT

pytest_plugins = ("tests.support.browser_fixtures", "tests.support.wordpress_fixtures")

SETTINGS = "/wp-admin/options-general.php?page=pollsvc"
STORED = "return get_option( 'pollsvc' );"


async def open_settings(courier: Courier) -> Page:
    page = await (await courier.signed_in()).new_page()
    await page.goto(courier.wordpress.origin + SETTINGS)
    return page


async def save(page: Page, url: str) -> None:
    """Send the form with an address, past the browser's own check of it."""
    await page.get_by_label("Address of the service").fill(url)
    await page.locator("form[action='options.php']").evaluate("form => form.noValidate = true")
    await page.get_by_role("button", name="Save Changes").click()
    await expect(page.locator("#setting-error-settings_updated, #setting-error-pollsvc_url")).to_be_visible()


async def test_the_settings_are_kept_in_their_one_form(courier: Courier) -> None:
    page = await open_settings(courier)
    await page.get_by_label("Show them at the end of each post").check()
    for entered, kept in (
        ("HTTPS://Polls.Example/", "https://polls.example"),
        (" http://polls.example:8080/in/News// ", "http://polls.example:8080/in/News"),
        ("https://polls.example/w/1.js", "https://polls.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ):
        await save(page, entered)
        assert await page.get_by_label("Address of the service").input_value() == kept
        assert await courier.wordpress.php(STORED) == {"url": kept, "every_post": True}
    await page.get_by_label("Show them at the end of each post").uncheck()
    await save(page, "")
    assert await courier.wordpress.php(STORED) == {"url": "", "every_post": False}


async def test_a_hostile_address_changes_nothing_and_is_told_about(courier: Courier) -> None:
    before = await courier.wordpress.php(STORED)
    page = await open_settings(courier)
    for hostile in ("javascript:alert(1)", '"><script>alert(1)</script>', "https://a:b@polls.example"):
        await save(page, hostile)
        await expect(page.locator("#setting-error-pollsvc_url")).to_contain_text(
            "not the address of a service"
        )
        assert await courier.wordpress.php(STORED) == before
    refused = (
        *("polls.example", "//polls.example", "ftp://polls.example", "https://", "https://polls.example?x=1"),
        *("https://polls.example#x", "https://polls.example/../x", "https://polls.example/a b"),
        *(
            "https://polls.example\nX: y",
            "https://polls.example:99999",
            "https://polls.example/'",
            "https://*",
        ),
        *(
            "https://-a.example",
            "https://" + "a" * 600 + ".example",
            "data:text/html,x",
            ["https://a.example"],
        ),
    )
    cleaned = await courier.wordpress.php("return array_map( 'pollsvc_clean_url', $in['all'] );", all=refused)
    assert cleaned == [""] * len(refused)


async def test_what_is_stored_wrongly_is_not_shown(courier: Courier) -> None:
    hostile = "https://a.example\"'><script>alert(1)</script>"
    await courier.wordpress.php(
        "global $wpdb; $wpdb->update( $wpdb->options,"
        " array( 'option_value' => serialize( array( 'url' => $in['url'], 'every_post' => 1 ) ) ),"
        " array( 'option_name' => 'pollsvc' ) ); wp_cache_flush();",
        url=hostile,
    )
    page = await courier.wordpress.get(await courier.wordpress.post("<p>x</p>[pollsvc id=abcdefgh]"))
    assert "alert(1)" not in page
    assert "pollsvc-poll" not in page
    settings = await open_settings(courier)
    assert await settings.get_by_label("Address of the service").input_value() == ""


async def test_only_administrators_and_only_the_form_can_change_settings(courier: Courier) -> None:
    before = await courier.wordpress.php(STORED)
    await courier.wordpress.php(
        "return wp_insert_user( array( 'user_login' => 'editor', 'user_email' => 'e@courier.example',"
        " 'user_pass' => $in['password'], 'role' => 'editor' ) );",
        password="a password for tests only",
    )
    origin = courier.wordpress.origin
    form: dict[str, str | float | bool] = {
        "option_page": "pollsvc",
        "action": "update",
        "pollsvc[url]": "https://evil.example",
    }
    for name in ("editor", "admin"):
        context = await courier.signed_in(name)
        answer = await context.request.post(f"{origin}/wp-admin/options.php", form=form)
        assert answer.status == 403
        assert await courier.wordpress.php(STORED) == before
    editor = await courier.signed_in("editor")
    assert (await editor.request.get(origin + SETTINGS)).status == 403


async def open_editor(courier: Courier) -> Page:
    """The block editor with an empty post."""
    page = await (await courier.signed_in()).new_page()
    page.on("pageerror", lambda error: courier.errors.append(str(error)))
    await page.goto(f"{courier.wordpress.origin}/wp-admin/post-new.php")
    await page.get_by_role("textbox", name="Add title").fill("By the editor")
    return page


async def publish(page: Page) -> str:
    """Publish the post; returns its permalink."""
    await page.evaluate(
        """async () => {
          await wp.data.dispatch('core/editor').editPost({status: 'publish'});
          await wp.data.dispatch('core/editor').savePost();
        }"""
    )
    return str(await page.evaluate("wp.data.select('core/editor').getPermalink()"))


async def test_an_editor_places_a_poll_by_the_block(courier: Courier) -> None:
    poll, base = await courier.poll(), courier.service.base_url
    page = await open_editor(courier)
    await page.evaluate(
        "wp.data.dispatch('core/block-editor').insertBlocks(wp.blocks.createBlock('pollsvc/poll'))"
    )
    place = page.locator("[data-type='pollsvc/poll']")
    await expect(place).to_contain_text("readers then see the polls that are attached to this article")
    await expect(place.get_by_role("link", name="Make or find a poll")).to_have_attribute(
        "href", f"{base}/admin"
    )
    field = place.get_by_label("Address or id of the poll")
    await field.fill("not a poll")
    await expect(place).to_contain_text("That is neither the id of a poll nor the address of one at")
    await field.fill(f"{base}/p/{poll}?lang=en")
    link = place.get_by_role("link", name="Open the poll")
    await expect(link).to_have_attribute("href", f"{base}/p/{poll}")
    picture = place.get_by_role("img", name="The poll and its result as a picture")
    await expect(picture).to_have_js_property("naturalWidth", 1200)
    url = await publish(page)
    assert f'<pollsvc-poll poll="{poll}" src="{base}">' in await courier.wordpress.get(url)


async def test_a_pasted_address_becomes_the_block(courier: Courier) -> None:
    poll, base = "abcdefgh", "https://polls.example"  # WordPress makes embeds of https only
    await courier.wordpress.set(base)
    page = await open_editor(courier)
    made = await page.evaluate(
        """(addresses) => addresses.map((address) =>
          wp.blocks.pasteHandler({HTML: '', plainText: address, mode: 'BLOCKS'})
            .map(({name, attributes}) => [name, attributes.poll ?? attributes.url]))""",
        [f"{base}/p/{poll}", "https://elsewhere.example/p/abcdefgh", f"[pollsvc id={poll}]"],
    )
    assert made == [
        [["pollsvc/poll", poll]],
        [["core/embed", "https://elsewhere.example/p/abcdefgh"]],
        [["pollsvc/poll", poll]],
    ]


async def test_the_plugin_leaves_nothing_behind_and_comes_back_by_its_zip(courier: Courier) -> None:
    archive = courier.wordpress.site.parent / "pollsvc.zip"
    subprocess.run(["make", "plugin", f"PLUGIN_ZIP={archive}", "PYTHON=python3"], cwd=ROOT, check=True)
    names = ZipFile(archive).namelist()
    assert "pollsvc/pollsvc.php" in names
    assert {name.split("/")[0] for name in names} == {"pollsvc"}

    poll = await courier.poll()
    url = await courier.wordpress.post(f'<p>x</p><!-- wp:pollsvc/poll {{"poll":"{poll}"}} /-->')
    page = await (await courier.signed_in()).new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    origin = courier.wordpress.origin
    await page.goto(f"{origin}/wp-admin/plugins.php")
    await page.get_by_role("link", name="Deactivate pollsvc").click()
    await expect(page.get_by_role("link", name="Activate pollsvc")).to_be_visible()
    assert "pollsvc-poll" not in await courier.wordpress.get(url)
    assert await courier.wordpress.php(STORED)  # who deactivates keeps what was set
    await page.get_by_role("link", name="Delete pollsvc").click()
    await expect(page.get_by_text("pollsvc was successfully deleted.")).to_be_visible()
    assert not courier.wordpress.plugin.exists()
    left = 'global $wpdb; return $wpdb->get_col( "SELECT option_name FROM $wpdb->options'
    assert await courier.wordpress.php(left + " WHERE option_name LIKE '%pollsvc%'\" );") == []

    await page.goto(f"{origin}/wp-admin/plugin-install.php?tab=upload")
    await page.get_by_label("Plugin zip file").set_input_files(archive)
    await page.get_by_role("button", name="Install Now").click()
    await page.get_by_role("link", name="Activate Plugin").click()
    await expect(
        page.get_by_text("pollsvc is ready but for the address of your poll service.")
    ).to_be_visible()
    await page.get_by_role("link", name="Set it").click()
    await save(page, courier.service.base_url)
    assert f'<pollsvc-poll poll="{poll}"' in await courier.wordpress.get(url)


def test_the_plugin_says_one_version_and_its_php_is_sound() -> None:
    main, readme = (PLUGIN / "pollsvc.php").read_text(), (PLUGIN / "readme.txt").read_text()
    said = [
        *re.findall(r"^ \* Version: +(\S+)$", main, re.MULTILINE),
        *re.findall(r"define\( 'POLLSVC_VERSION', '([^']+)'", main),
        *re.findall(r"^Stable tag: (\S+)$", readme, re.MULTILINE),
    ]
    assert said == [__version__] * 3
    for path in sorted(PLUGIN.rglob("*.php")):
        subprocess.run(["php", "-l", str(path)], check=True, capture_output=True)
        text = path.read_text()
        if path.name not in ("pollsvc.php", "uninstall.php"):
            assert "defined( 'ABSPATH' ) || exit;" in text, path
        untranslatable = re.findall(r"\b(?:esc_html_|esc_attr_|_)_\( '[^']*' \)", text)
        assert untranslatable == [], path
