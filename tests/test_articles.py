"""Polls are found by the article they stand in, under every spelling of its address."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollsvc.domain.article import MAX_URL, canonical_origin, canonical_url, clean_url, host_of
from tests.support.reader import Http, Reader
from tests.support.server import Service, until

CANONICAL = "https://news.example/world/story"


@pytest.mark.parametrize(
    "spelling",
    [
        CANONICAL,
        CANONICAL + "/",
        CANONICAL + "///",
        CANONICAL + "#comments",
        CANONICAL + "#!/comments/2",
        CANONICAL + "/?#",
        CANONICAL + "?",
        CANONICAL + "?&&",
        f" {CANONICAL}\n",
        f"\u00a0{CANONICAL} ",
        "http://news.example/world/story",
        "HTTPS://NEWS.EXAMPLE/world/story",
        "https://www.news.example/world/story",
        "HTTP://WWW.NEWS.EXAMPLE:80/world/story/",
        "https://www.www.news.example/world/story",
        "https://news.example./world/story",
        "https://news.example:443/world/story",
        "https://news.example:80/world/story",
        "http://news.example:443/world/story",
        "http://news.example:0080/world/story",
        "https://news.example:/world/story",
        "https://user:secret@news.example/world/story",
        "https://a@b@www.news.example/world/story",
        "https://news.example/world/./story",
        "https://news.example/sport/../world/story",
        "https://news.example/../../world/story/.",
        "https://news.example/%2E%2e/world/story",
        "https://news.example/%77orld/st%6Fry",
        "https://news.example/world\\story",
        "https://ｎｅｗｓ。example/world/story",
    ],
)
def test_spellings_of_one_article(spelling: str) -> None:
    assert canonical_url(spelling) == CANONICAL


@pytest.mark.parametrize(
    ("spellings", "canonical"),
    [
        (("http://news.example", "https://www.news.example/?", "//".join(("http:", "news.example//"))), ""),
        (("/?id=2&page=1", "?page=1&id=2", "/?page=1&&id=2#x", "/?page=1&%69d=2"), "?id=2&page=1"),
        (("/?a", "/?a=", "?a=&"), "?a="),
        (("/?a=b+c", "/?a=b%20c", "/?a=b c"), "?a=b+c"),
        (("/?q=بغداد", "/?q=%D8%A8%d8%ba%D8%AF%D8%A7%D8%AF"), "?q=%D8%A8%D8%BA%D8%AF%D8%A7%D8%AF"),
        (("/أخبار", "/%d8%a3%D8%AE%D8%A8%D8%A7%D8%B1/"), "%D8%A3%D8%AE%D8%A8%D8%A7%D8%B1"),
        (("/a b", "/a%20b", "/a b#c"), "a%20b"),
        (("/100%", "/100%25", "/100%25/"), "100%25"),
        (("/~editor/a,b;c=%d9", "/%7Eeditor/a%2Cb;c=%D9", "/%7eeditor/a,b;c=%D9/"), "~editor/a,b;c=%D9"),
    ],
)
def test_spellings_of_path_and_parameters(spellings: tuple[str, ...], canonical: str) -> None:
    for spelling in spellings:
        url = spelling if "news.example" in spelling else f"https://news.example{spelling}"
        assert canonical_url(url) == f"https://news.example/{canonical}"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://BÜCHER.example", "xn--bcher-kva.example"),
        ("https://bu\u0308cher.example", "xn--bcher-kva.example"),
        ("https://www.XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("https://faß.example", "xn--fa-hia.example"),  # as browsers: UTS 46, not IDNA 2003's "fass"
        ("https://موقع.وزارة-الاتصالات.مصر", "xn--4gbrim.xn----ymcbaaajlc6dj7bxne2c.xn--wgbh1c"),
        ("http://نامه\u200cای.example", "xn--mgba3gch31f060k.example"),  # a joiner that counts
        ("https://[2001:DB8:0:0::1]:443", "[2001:db8::1]"),
        ("http://127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://localhost:8001", "localhost:8001"),
        ("http://under_score.example", "under_score.example"),
    ],
)
def test_hosts(text: str, host: str) -> None:
    canonical = canonical_url(text + "/a")
    assert canonical == f"https://{host}/a"
    assert host_of(canonical) == host


def test_a_page_on_this_computer_keeps_its_port() -> None:
    assert canonical_url("http://127.0.0.1:8001/en.html") == "https://127.0.0.1:8001/en.html"
    assert clean_url("http://127.0.0.1:8001/en.html") == "http://127.0.0.1:8001/en.html"


@pytest.mark.parametrize(
    "parameters",
    [
        *("utm_source=a&utm_medium=b", "UTM_Campaign=c", "utm%5Fterm=d", "utm_id=1&utm_brand-new=2"),
        *("fbclid=x", "gclid=y", "gbraid=1&wbraid=2&gad_source=3", "dclid=1", "srsltid=1", "_ga=1&_gl=2"),
        *("msclkid=1", "twclid=1", "ttclid=1", "li_fat_id=1", "igsh=1&igshid=2", "ScCid=1", "rdt_cid=1"),
        *("mc_cid=1&mc_eid=2", "_hsenc=1&_hsmi=2", "mkt_tok=1", "vero_id=1", "wickedid=1"),
        *("yclid=1", "ysclid=1", "_openstat=1", "ref_src=twsrc%5Etfw&ref_url=https%3A%2F%2Fa.example%2Fb"),
        *("s_cid=1", "cmpid=1", "xtor=RSS-1", "__twitter_impression=true", "amp", "amp=1", "mtm_campaign=1"),
        *("at_medium=RSS&at_campaign=rss", "at_bbc_team=e&at_campaign=s&at_medium=social&at_link_id=1"),
        *("pk_campaign=1&pk_kwd=2", "ns_mchannel=social&ns_source=twitter&ns_campaign=b"),
        *("&amp;utm_source=a&amp;fbclid=b", "fbclid", "fbclid=1&fbclid=2"),
    ],
)
def test_tracking_parameters_are_no_part_of_it(parameters: str) -> None:
    assert canonical_url(f"{CANONICAL}?{parameters}") == CANONICAL
    assert canonical_url(f"{CANONICAL}?page=2&{parameters}&id=1#top") == f"{CANONICAL}?id=1&page=2"
    assert clean_url(f"{CANONICAL}?page=2&{parameters}&id=1#top") == f"{CANONICAL}?page=2&id=1"


@pytest.mark.parametrize(
    "parameters",
    [
        *(
            "p=123",
            "id=2",
            "page=1",
            "v=abc",
            "q=utm_source",
            "x=fbclid%3D1",
            "lang=ar",
            "article=7&section=2",
        ),
        *("cid=1", "ncid=1", "ref=1", "source=rss", "smid=1", "utm=1", "my_utm_source=1", "amplify=1"),
        *("at_time=9", "at_campaign=1", "at_medium=1&at_x=2", "pk_id=3", "ns_id=3"),
    ],
)
def test_parameters_that_may_select_an_article_stay(parameters: str) -> None:
    assert canonical_url(f"{CANONICAL}?{parameters}") == f"{CANONICAL}?{parameters}"
    assert clean_url(f"{CANONICAL}?{parameters}") == f"{CANONICAL}?{parameters}"


APART = (
    *(
        "",
        "/a",
        "/A",
        "/a/b",
        "/a//b",
        "//a",
        "/a%2Fb",
        "/a%252Fb",
        "/a;b",
        "/a%3Bb",
        "/a%3Fb",
        "/a%23b",
        "/a+b",
    ),
    *("/a.html", "/a/index.html", "/www.a", "/amp/a", "/a/amp", "/%C3%A9", "/e%CC%81", "/%E9", "/%2525"),
    *(
        "?p=1",
        "?p=2",
        "?P=1",
        "?p=1&p=2",
        "?p=",
        "?q=",
        "?id=a",
        "?id=A",
        "?id=a%26b",
        "?id=a&b",
        "?id=a%2Bb",
    ),
    *("?id=a+b", "/a?p=1", "?url=https%3A%2F%2Fother.example", "?url=http%3A%2F%2Fother.example"),
)


def test_what_tells_articles_apart() -> None:
    hosts = (
        *("news.example", "news.example:8080", "news.example:8443", "m.news.example", "newswww.example"),
        *("a.www.news.example", "wwwnews.example", "www2.news.example", "news.example.org", "127.0.0.1"),
        *("[::1]", "[::1]:8080", "www.example", "example", "xn--fa-hia.example", "fass.example"),
    )
    urls = [f"https://{host}{rest}" for host in hosts for rest in APART]
    found = [canonical_url(url) for url in urls]
    assert None not in found
    assert len(set(found)) == len(urls)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (CANONICAL, CANONICAL),
        ("http://www.news.example", "http://www.news.example"),
        ("http://www.news.example:80/a/", "http://www.news.example:80/a/"),
        ("HTTP://WWW.News.example/A/../B/#!c", "http://WWW.News.example/A/../B/"),
        ("https://user:secret@www.news.example/a?b=1&a=2", "https://www.news.example/a?b=1&a=2"),
        ("https://news.example/أخبار?utm_source=a&q=%d8%a8", "https://news.example/أخبار?q=%d8%a8"),
        ("https://مثال.example/a?fbclid=1", "https://مثال.example/a"),
        (" https://news.example/a b ?utm_id=1#c ", "https://news.example/a%20b%20"),
        ("https://news.example/a?b&&c=#", "https://news.example/a?b&c="),
    ],
)
def test_a_link_for_readers(text: str, link: str) -> None:
    """As the editor wrote it, but for what is not the article's."""
    assert clean_url(text) == link
    assert canonical_url(link) == canonical_url(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "/story",
            "news.example/a",
            "//news.example/a",
            "ftp://news.example/a",
            "https:",
            "https:a",
        ),
        *("javascript:alert(1)", "mailto:a@b", "data:text/html,x", "view-source:https://a/", "http//a"),
        *("http://", "http:///a", "https://?a", "https://#a", "https://:80/", "https://a@/", "https://./"),
        *("http://[::1", "http://::1]/", "http://[]/", "http://[v1.x]/", "http://[fe80::1%25eth0]/"),
        *("http://[::1%eth0]/", "http://[1.2.3.4]/", "http://a[::1]/", "http://[::1]a/", "http://[::1]:a/"),
        *("http://a:99999/", "http://a:65536/", "http://a:x/", "http://a:-1/", "http://a:１/", "http://::1/"),
        "http://a:" + "9" * 1500 + "/",
        *(
            "https://a b/",
            "https://a%20b/",
            "https://*/",
            "https://a\u3000b/",
            "https://<a>/",
            "https://a,b/",
        ),
        *("https://good.example\\@evil.example/", "https://good.example\\.evil.example/"),
        *("https://a/" + "b" * MAX_URL, "https://a/" + "ب" * (MAX_URL // 6), "https://" + "é" * 300 + "/"),
        *("https://a/\0", "https://a/\ud800", "https://a/b\nc", "https://a/\x7f", "https://a\t.example/"),
        *(
            "https://xn--\ud800/",
            "https://\u200d/",
            "https://é..example/",
            "https://-é/",
            "https://ⅷ℀.example/",
        ),
    ],
)
def test_what_is_no_article(text: str) -> None:
    assert canonical_url(text) is None
    assert clean_url(text) is None


def test_the_longest_url() -> None:
    longest = "https://a/" + "b" * (MAX_URL - 10)
    assert canonical_url(longest) == clean_url(longest) == longest
    assert canonical_url(longest + "b") is None
    assert clean_url("https://a/?q=a" + " " * (MAX_URL // 2) + "b") is None  # as a link it is too long
    long_host = "https://" + "a." * 900 + "example/"
    assert canonical_url(long_host) == long_host


PIECES = st.one_of(
    st.text(max_size=3),
    st.characters(categories=["Cs", "Cc", "Cf", "Zs", "Mn"]),
    st.sampled_from(
        [*"%/.;?&=+ #@:[]\\|0aAFé。", "%2", "%25", "%2f", "%2E", "%C3", "..", "www.", "[::1]", "[v1.x]"]
    ),
    st.sampled_from([":80", ":443", ":8080", ":99999999", "utm_a=1", "&amp;", "&at_medium=1&at_campaign=1"]),
    st.sampled_from(["xn--", "ß", "a" * 70, "9" * 5000, "é" * 400, "\ud800", "\0", "\u200d", "İ", "\u212a"]),
)
STARTS = st.sampled_from(
    ["", "http://", "https://", "HTTPS://www.", "http://a/", "https://a.b/?", "http://[::1]"]
)
URLS = st.builds(lambda start, rest: start + "".join(rest), STARTS, st.lists(PIECES, max_size=12))


@settings(max_examples=1500, deadline=None)
@given(st.text() | URLS)
def test_of_any_text(text: str) -> None:
    """Nothing raises; a canonical URL, a link and an origin stay what they are."""
    canonical, link, origin = canonical_url(text), clean_url(text), canonical_origin(text)
    assert (canonical is None) == (link is None)
    if canonical is not None and link is not None:
        assert canonical_url(canonical) == clean_url(canonical) == canonical
        assert (canonical_url(link), clean_url(link)) == (canonical, link)
        assert re.fullmatch(r"https://[!-~]+", canonical)
        assert len(canonical) <= MAX_URL
        assert canonical.startswith(f"https://{host_of(canonical)}/")
    if origin is not None:
        assert canonical_origin(origin) == origin


async def test_the_polls_of_an_article_in_their_order(shared: Service, http: Http) -> None:
    """As they were attached; drafts and other articles' polls are left out."""
    url, other = "https://news.example/ordered", "http://www.news.example/other/"
    first = await shared.add_poll("First?", articles=[url])
    both = await shared.add_poll("Second?", articles=[other, url])
    await shared.add_poll("Draft?", articles=[url], draft=True)
    await shared.add_poll("Elsewhere?", articles=[other])
    found = await http.get(
        f"/api/v1/articles?url={quote('http://www.' + url[8:] + '/?utm_source=x#y', safe='')}"
    )
    assert found.status == 200
    assert found.json["article"] == url
    assert [poll["id"] for poll in found.json["polls"]] == [first, both]
    one = (await http.get(f"/api/v1/polls/{first}")).json
    assert {**found.json["polls"][0], "now": ""} == {**one, "now": ""}


async def test_an_article_without_polls(shared: Service, http: Http) -> None:
    found = await http.get("/api/v1/articles?url=https://news.example/nothing")
    assert (found.status, found.json["polls"]) == (200, [])


@pytest.mark.parametrize(
    "query", ["", "?url=", "?url=story", "?url=javascript:alert(1)", "?url=%00", "?uri=http://a"]
)
async def test_no_article_is_asked_for(http: Http, query: str) -> None:
    answer = await http.get(f"/api/v1/articles{query}")
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_poll_attached_later_is_found_soon(shared: Service, http: Http) -> None:
    path = "/api/v1/articles?url=https://news.example/later"
    before = await http.get(path)
    poll = await shared.add_poll(articles=["https://news.example/later"])

    async def found() -> bool:
        answer = await http.get(path, If_None_Match=before.headers["etag"])
        return answer.status == 200 and [one["id"] for one in answer.json["polls"]] == [poll]

    await until(found, seconds=2)


async def test_several_polls_in_one_call(shared: Service, http: Http) -> None:
    """In the order asked for, each once; unknown ones and drafts are left out."""
    polls = [await shared.add_poll() for _ in range(3)]
    draft = await shared.add_poll(draft=True)
    await Reader(http).vote(polls[1], 1)
    ids = [polls[2], "nosuchpoll", polls[1], draft, polls[0], polls[2]]
    answer = await http.get("/api/v1/polls?" + "&".join(f"id={id_}" for id_ in ids))
    assert [poll["id"] for poll in answer.json["polls"]] == [polls[2], polls[1], polls[0]]
    assert [poll["results"]["voters"] for poll in answer.json["polls"]] == [0, 1, 0]
    for query in ("", "?id=", "?" + "&".join(f"id=p{number}" for number in range(101))):
        assert (await http.get("/api/v1/polls" + query)).code == "bad_request"


async def test_a_poll_has_the_keys_that_others_rely_on(shared: Service, http: Http) -> None:
    poll = await shared.add_poll("من انتصر؟", ["إيران", "أمريكا"], lang="ar", closes_at=4_000_000_000)
    found = (await http.get(f"/api/v1/polls/{poll}")).json
    assert set(found) >= {
        *("id", "site", "kind", "state", "question", "options", "picks", "opens_at", "closes_at", "now"),
        *("results", "live", "strings"),
    }
    assert found["question"] == {"text": "من انتصر؟", "lang": "ar", "dir": "rtl"}
    assert found["options"] == [{"id": 1, "label": "إيران"}, {"id": 2, "label": "أمريكا"}]
    assert (found["picks"], found["kind"], found["state"]) == ({"min": 1, "max": 1}, "single", "open")
    assert found["opens_at"] <= found["now"]
    assert found["closes_at"] == "2096-10-02T07:06:40Z"
    assert found["live"] == f"{shared.base_url}/api/v1/live?poll={poll}"
    assert found["strings"]["lang"] == "ar"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=en-GB")).json["strings"]["lang"] == "en"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=xx")).json["strings"]["lang"] == "ar"
    assert (await http.get(f"/api/v1/polls/{poll}?lang=en_US")).json["strings"]["lang"] == "en"


async def test_an_article_in_any_script_is_found_as_browsers_spell_it(shared: Service, http: Http) -> None:
    url = "https://news.example/أخبار/قصة"
    poll = await shared.add_poll(articles=[url])
    for spelling in (url, quote(url, safe=":/"), quote(url, safe=":/").lower()):
        answer = (await http.get(f"/api/v1/articles?url={quote(spelling, safe='')}")).json
        assert [found["id"] for found in answer["polls"]] == [poll]
        assert answer["article"].isascii()


@pytest.mark.parametrize("lang", ["x-default", "", "%00", "zz", "<b>"])
async def test_an_odd_language_is_the_polls_own(shared: Service, http: Http, lang: str) -> None:
    poll = await shared.add_poll(lang="ar")
    for path in (f"/api/v1/polls/{poll}", f"/api/v1/polls?id={poll}", f"/p/{poll}"):
        answer = await http.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        assert answer.status == 200
        assert "القرّاء" in answer.body.decode()
