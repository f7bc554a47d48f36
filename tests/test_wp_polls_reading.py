"""Reading WP-Polls: dumps and CSV as real programs write them, and votes that always add up.

The fixtures are one WordPress with the plugin's own tables (version 3.0.1), made in MariaDB 10.11 and dumped
by mariadb-dump with the option that each file is named after; phpmyadmin.sql and the CSV files are written by
hand in phpMyAdmin's form. Addresses are from documentation ranges.
"""

import csv
import gzip
import io
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.imports.sql_dump import Row, rows
from pollsvc.services.imports.unpacking import unpacked
from pollsvc.services.imports.vote_log import reconcile
from pollsvc.services.imports.wp_polls import WpAnswer, WpPoll, read_csv, read_dump

DATA = Path(__file__).parent / "data/wp-polls"
DUMPS = ["ansi", "compact", "complete-insert", "default", "hex-blob", "row-by-row"]
NEW_YORK = ZoneInfo("America/New_York")
NAMES = {
    "q": "pollq_id pollq_question pollq_timestamp pollq_totalvotes"
    " pollq_active pollq_expiry pollq_multiple pollq_totalvoters",
    "a": "polla_aid polla_qid polla_answers polla_votes",
    "ip": "pollip_id pollip_qid pollip_aid pollip_ip pollip_host pollip_timestamp pollip_user pollip_userid",
}

TABLES = b"""
CREATE TABLE `wp_pollsa` (`polla_aid` int, `polla_qid` int, `polla_answers` text, `polla_votes` int);
CREATE TABLE `wp_pollsq` (`pollq_id` int, `pollq_question` text, `pollq_timestamp` varchar(20),
  `pollq_totalvotes` int, `pollq_active` int, `pollq_expiry` int, `pollq_multiple` int,
  `pollq_totalvoters` int);
CREATE TABLE `wp_pollsip` (`pollip_id` int, `pollip_qid` int, `pollip_aid` int, `pollip_ip` varchar(100),
  `pollip_host` text, `pollip_timestamp` int, `pollip_user` tinytext, `pollip_userid` int(10) DEFAULT '0');
"""


def minute(*when: int) -> int:
    """A Unix minute, from local time in New York."""
    return int(datetime(*when, tzinfo=NEW_YORK).timestamp()) // 60  # type: ignore[arg-type,misc]


@cache
def polls_of(name: str) -> list[WpPoll]:
    with (DATA / f"{name}.sql").open("rb") as file:
        return read_dump(file, NEW_YORK)


def read(sql: bytes, *, tables: bytes = TABLES) -> list[WpPoll]:
    return read_dump(io.BytesIO(tables + sql), UTC)


def one_poll(
    answers: Iterable[tuple[str, int]],
    log: Iterable[tuple[int, int, str]] = (),
    question: str = "Q?",
    begins: str = "1700000040",
    active: int = 1,
    expiry: str = "0",
    multiple: int = 0,
    voters: int = 0,
) -> WpPoll:
    """A poll with answers 1, 2, … and a log of (answer, second, address)."""
    texts = ",".join(f"({id_},1,{quoted(text)},{votes})" for id_, (text, votes) in enumerate(answers, 1))
    logged = "".join(
        f"INSERT INTO wp_pollsip VALUES ({n},1,{answer},'{ip}','h',{second},'Guest',0);\n"
        for n, (answer, second, ip) in enumerate(log)
    )
    row = f"(1,{quoted(question)},'{begins}',0,{active},'{expiry}',{multiple},{voters})"
    sql = f"INSERT INTO wp_pollsa VALUES {texts};\n{logged}INSERT INTO wp_pollsq VALUES {row};\n"
    [poll] = read(sql.encode())
    return poll


def quoted(text: str) -> str:
    """A text as mysqldump writes it."""
    for sign, escaped in zip(
        "\\\0\n\r\x1a'\"", ["\\\\", "\\0", "\\n", "\\r", "\\Z", "\\'", '\\"'], strict=True
    ):
        text = text.replace(sign, escaped)
    return f"'{text}'"


def fault(sql: Iterable[bytes] | bytes, table: str = "t") -> str:
    """What a dump is refused with."""
    with pytest.raises(PollError) as error:
        list(rows(unpacked([sql] if isinstance(sql, bytes) else sql), lambda name: name == table))
    assert error.value.code == Code.BAD_REQUEST
    return error.value.message


def table_t(sql: bytes | Iterable[bytes]) -> list[Row]:
    return [
        row for _, row in rows(unpacked([sql] if isinstance(sql, bytes) else sql), lambda name: name == "t")
    ]


# Dumps of a real database


@pytest.mark.parametrize("name", DUMPS)
def test_every_style_of_dump_says_the_same(name: str) -> None:
    assert polls_of(name) == polls_of("default")
    assert [(poll.prefix, poll.id) for poll in polls_of(name)] == [
        ("wp_", 1),
        ("wp_", 2),
        ("wp_", 3),
        ("wp_", 4),
        ("wp_2_", 1),
        ("wp_2_", 2),
    ]


def test_a_phpmyadmin_export_says_the_same() -> None:
    assert polls_of("phpmyadmin") == [poll for poll in polls_of("default") if poll.prefix == "wp_"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [False, True], ids=["no header", "header"])
def test_csv_exports_say_the_same(delimiter: str, header: bool) -> None:
    files = []
    for kind, names in NAMES.items():
        with (DATA / f"wp_polls{kind}.csv").open(newline="") as file:
            table = list(csv.reader(file))
        if header:  # as a spreadsheet saves it: a byte order mark, few quotes; and columns in another order
            table = [line[::-1] if kind == "a" else line for line in [names.split(), *table]]
        out = io.StringIO()
        out.write("\ufeff" * header)
        quote = csv.QUOTE_MINIMAL if header else csv.QUOTE_ALL
        csv.writer(out, delimiter=delimiter, quoting=quote).writerows(table)  # type: ignore[arg-type]
        out.seek(0)
        files.append(out)
    expected = [replace(poll, prefix="") for poll in polls_of("phpmyadmin")]
    assert read_csv(files[0], files[1], files[2], NEW_YORK) == expected


def test_what_the_tables_mean() -> None:
    final, cities, rain, mourn, second, empty = polls_of("default")
    assert final.question == "Who won the final?"
    assert final.answers == (
        WpAnswer(1, "Egypt 🇪🇬", 3),
        WpAnswer(2, 'It\'s a "draw"; honestly -- really', 2),
        WpAnswer(3, "Neither),(5,'x',9); o/", 1),
        WpAnswer(4, "Line one line two & bold", 1),
    )
    assert (final.max_answers, final.active, final.scheduled, final.closes_at) == (1, True, False, None)
    assert (cities.question, cities.max_answers) == ("أي المدن تزور؟ (اختر اثنتين)", 2)
    assert (rain.active, rain.scheduled, rain.voters, rain.ballots) == (False, True, 0, {})
    assert (mourn.active, mourn.scheduled, mourn.voters) == (False, False, 300)
    assert (second.prefix, second.question) == ("wp_2_", "Second site?")
    assert (empty.answers, empty.notes) == ((), ())


def test_times_are_of_the_clock_that_wordpress_showed() -> None:
    final, cities, *_ = polls_of("default")
    assert final.created_at == 60 * minute(2024, 3, 9, 12)
    assert cities.closes_at == 60 * minute(2024, 7, 1, 18, 30)  # summer time
    assert final.ballots == {
        (minute(2024, 3, 9, 12, 5), (1,)): 2,  # two voters behind one address within a second
        (minute(2024, 3, 9, 12, 6), (2,)): 1,
        (minute(2024, 3, 10, 3, 30), (3,)): 1,  # half an hour into summer time
        (minute(2024, 3, 11, 12), (1,)): 1,
        (minute(2024, 3, 11, 12), (2,)): 1,
        (minute(2024, 3, 11, 12), (4,)): 1,
    }


def test_answers_of_one_vote_are_one_ballot() -> None:
    cities = polls_of("default")[1]
    begin = minute(2024, 3, 9, 12)
    assert cities.ballots == {
        (begin + 5, (5, 6)): 2,
        (begin + 5, (7,)): 1,  # a third answer from the same address within the second is another voter's
        (minute(2024, 3, 11, 12), (5,)): 1,
        (begin, (5, 7)): 1,  # not in the log
        (begin, (6,)): 1,
    }
    assert cities.voters == 6
    assert cities.notes == (
        "Votes that are not in the log: 3 of 9; they are put into the minute when the poll began.",
        "Which of these were cast together is not known; ballots made of them: 2.",
    )


@pytest.mark.parametrize("name", [*DUMPS, "phpmyadmin"])
def test_nothing_says_who_voted(name: str) -> None:
    told = repr(polls_of(name))
    for secret in ("192.0.2", "198.51", "203.0", "2001:db8", "host.example", "Guest", "قارئ", "me;", "a),(b"):
        assert secret not in told


# Votes that add up


def test_votes_of_a_poll_without_log_are_all_at_its_beginning() -> None:
    poll = one_poll([("Yes", 7), ("No", 5)], voters=12)
    assert poll.ballots == {(1700000040 // 60, (1,)): 7, (1700000040 // 60, (2,)): 5}
    assert (poll.voters, len(poll.notes)) == (12, 1)


def test_the_latest_votes_give_way_when_the_log_has_more_than_the_answers() -> None:
    log = [(1, 1700000100, "192.0.2.1"), (1, 1700000400, "192.0.2.2"), (1, 1700000200, "192.0.2.3")]
    poll = one_poll([("Yes", 2), ("No", 0)], log, voters=2)
    assert poll.ballots == {(1700000100 // 60, (1,)): 1, (1700000200 // 60, (1,)): 1}
    assert poll.notes == ("The log has more votes than the answers; left out, from the latest: 1.",)


def test_rows_of_answers_that_are_gone_are_left_out() -> None:
    log = [(0, 1700000100, "192.0.2.1"), (9, 1700000100, "192.0.2.2"), (1, 1700000160, "192.0.2.3")]
    poll = one_poll([("Yes", 1), ("No", 0)], log, voters=3)
    assert poll.ballots == {(1700000160 // 60, (1,)): 1}
    assert poll.notes == (
        "Rows of the log whose answers are gone are left out: 2.",
        "Voters are taken to be 1; the 3 that WordPress counted do not fit the answers' votes and the log.",
    )


@pytest.mark.parametrize(("recorded", "counted"), [(2, 4), (4, 4), (5, 5), (7, 7), (9, 7), (0, 4)])
def test_voters_are_as_many_as_recorded_or_the_nearest_number_that_fits(recorded: int, counted: int) -> None:
    poll = one_poll([("a", 4), ("b", 2), ("c", 1)], multiple=2, voters=recorded)
    assert poll.voters == counted
    assert (recorded == counted) is not any("that WordPress counted" in note for note in poll.notes)


def test_merged_votes_come_apart_where_the_number_of_voters_asks_for_it() -> None:
    log = [(answer, 1700000100, "192.0.2.1") for answer in (1, 3, 2)]  # 1 and 3, then 2, behind a proxy
    for voters, expected in ((1, [(1, 2, 3)]), (2, [(1, 3), (2,)])):
        poll = one_poll([("a", 1), ("b", 1), ("c", 1)], log, multiple=3, voters=voters)
        assert sorted(selection for _, selection in poll.ballots) == expected
        assert poll.notes == ()


small = st.integers(0, 6)
logs = st.dictionaries(
    st.tuples(st.none() | st.integers(100, 104), st.lists(small, min_size=1, max_size=6).map(tuple)),
    st.integers(1, 5),
    max_size=12,
)


@given(logs, st.dictionaries(small, st.integers(0, 40)), st.integers(1, 5), st.none() | st.integers(0, 200))
def test_whatever_is_recorded_the_answers_votes_are_exact(
    log: dict[tuple[int | None, tuple[int, ...]], int], votes: dict[int, int], most: int, voters: int | None
) -> None:
    most = max(1, min(most, len(votes)))
    ballots = reconcile(Counter(log), votes, most, voters, 99)
    picks: Counter[int] = Counter()
    for (_, selection), count in ballots.cells.items():
        assert count > 0
        assert 1 <= len(selection) <= most
        assert list(selection) == sorted(set(selection))
        picks.update(dict.fromkeys(selection, count))
    assert picks == Counter(votes)
    assert any("that WordPress counted" in note for note in ballots.notes) is (
        voters is not None and voters != ballots.cells.total()
    )


@given(st.data(), st.integers(1, 4), st.integers(0, 30))
def test_a_log_of_separate_votes_is_kept_and_the_rest_fits_the_voters(
    data: st.DataObject, most: int, kept: int
) -> None:
    """When what is recorded is true, each vote that is logged is a ballot, and voters are as recorded."""
    vote = st.sets(st.integers(1, 5), min_size=1, max_size=most).map(lambda picks: tuple(sorted(picks)))
    cast = data.draw(st.lists(vote, max_size=30))
    votes = dict.fromkeys(range(1, 6), 0) | Counter(answer for picks in cast for answer in picks)
    logged = [(100 + number, picks) for number, picks in enumerate(cast[:kept])]
    ballots = reconcile(Counter(logged), votes, most, len(cast), 99)
    assert ballots.cells.total() == len(cast)
    assert all(ballots.cells[cell] == 1 for cell in logged)


# Texts


@pytest.mark.parametrize(
    ("stored", "label"),
    [
        ("Rock &amp; Roll &lt;3", "Rock & Roll <3"),
        ('It\\\\\'s \\"so\\"', 'It\'s "so"'),
        ("one<br />two<p>three</p>", "one two three"),
        ('<a href="https://site.example/?a=1&amp;b=2"><b>bo</b>ld</a>', "bold"),
        ('<img src="eg.png" alt="Egypt" /> <img src="x.png">', "Egypt"),
        ("<script>alert(1)</script>Yes<!-- no -->", "Yes"),
        ("5 < 6, I <3 you", "5 < 6, I <3 you"),
        ("\u202bنعم\u202c &#128512;", "\u202bنعم\u202c 😀"),
        (" tab\tand\x01bell&nbsp;", "tab and bell"),
    ],
)
def test_texts_are_what_a_reader_saw(stored: str, label: str) -> None:
    poll = one_poll([(stored, 0), ("No", 0)], question=stored)
    assert (poll.answers[0].label, poll.question) == (label, label)


def test_what_an_editor_must_mend_is_noted() -> None:
    poll = one_poll([("Yes", 0), ("No", -3)], begins="soon", expiry="0")
    assert poll.notes == (
        "An answer's number of votes cannot be read or is below 0; it is counted as 0.",
        "The time when the poll began cannot be read; set when it opens.",
    )
    assert poll.voters == 0
    turned = one_poll([("Yes", 0)], begins="1700000040", expiry="1600000000")
    assert turned.notes == ("The poll closes before it opens; set its times.",)
    undated = one_poll(
        [("a", 2), ("b", 0)], [(1, 1700000100, "192.0.2.1")], begins="0000-00-00 00:00:00", voters=2
    )
    assert undated.created_at == 1700000100 // 60 * 60


# SQL


@given(st.lists(st.text(), min_size=1), st.integers(1, 50), st.booleans())
def test_any_text_comes_through(texts: list[str], size: int, zipped: bool) -> None:
    """Texts in three kinds of quotes, behind a table that is not wanted and full of the same texts."""
    written = [quoted(text) for text in texts]
    doubled = ["'" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in texts]
    double = ['"' + text.replace("\\", "\\\\").replace('"', '""') + '"' for text in texts]
    sql = "".join(
        f"INSERT INTO `{table}` (`s`) VALUES ({'),('.join(values)});\n"
        for values in (written, doubled, double)
        for table in ("other", "t")
    ).encode()
    sql = gzip.compress(sql, 1) if zipped else sql
    parts = [sql[at : at + size] for at in range(0, len(sql), size)]
    assert [row["s"] for row in table_t(parts)] == texts * 3


def test_literals_and_statements_of_all_kinds() -> None:
    sql = b"""\xef\xbb\xbf# Comment; with 'quotes
/*!40101 SET NAMES utf8mb4 */; -- and another; it's one
/*!50003 CREATE TRIGGER x BEGIN INSERT INTO t VALUES (1); END */;
DELIMITER $$
CREATE PROCEDURE p() BEGIN START TRANSACTION; INSERT INTO t SELECT 1; END$$
DELIMITER ;
CREATE TABLE IF NOT EXISTS `db`.`t` (
  `a` decimal(10,2) DEFAULT '0,(', b enum('x','y)','z') COMMENT 'it''s, (so', "c" int(10),
  PRIMARY KEY (`a`,b), KEY `k` (`c`), CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `u` (`v`)
) ENGINE=InnoDB;
INSERT INTO u VALUES (1--2, 'a' /* ' */, 4/2, "`", `x'y`);
insert ignore into db.t values ( -1.5e3 , NULL , +7 ) ;
REPLACE INTO "t" VALUES (.5,_utf8mb4'\xc3\xa9',N'n'),  -- one; more
/* two */ (0x41C3A9,_binary 'b',_latin1 0x42) ON DUPLICATE KEY UPDATE a='),(';
INSERT t(`c`) VALUE ('\\%\\t\\x')"""
    assert [tuple(row.values()) for row in table_t(sql + b";")] == [
        ("-1.5e3", None, "+7"),
        (".5", "é", "n"),
        ("Aé", "b", "B"),
        ("%\tx",),
    ]
    assert fault(sql).startswith("The dump is cut off in line 15;")


def test_it_does_not_matter_where_the_bytes_that_are_read_at_once_end() -> None:
    tail = b"*/ -- it's\nINSERT INTO u VALUES ('it\\'s'';',1--2,\"\"\"\");"
    tail += b"INSERT INTO t (a) VALUES ('a''\\n'),('b');"
    for before in range(len(tail) + 8):
        sql = b"/*" + b"*" * (256 * 1024 - before) + tail
        assert [row["a"] for row in table_t(io.BytesIO(sql))] == ["a'\n", "b"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (b"\n\nINSERT INTO t (a) VALUES ('\xe9');", "Line 3 of the dump: not UTF-8; export with"),
        (b"INSERT INTO t VALUES (1);", "Line 1 of the dump: no plain INSERT with known columns; export t"),
        (b"INSERT INTO t (a) SELECT 1;", "Line 1 of the dump: no plain INSERT with known columns; export t"),
        (b"UPDATE `t` SET `a` = 1 WHERE 1;", "Line 1 of the dump: no plain INSERT with known columns"),
        (
            b"INSERT INTO t (a) VALUES\n(1),\n(1,2);",
            "Line 3 of the dump: t has 1 columns, not 2; export it again.",
        ),
        (b"INSERT INTO t (a) VALUES (NOW());", "Line 1 of the dump: a value is no text or number;"),
        (b"INSERT INTO t (a) VALUES (1), oh;", "Line 1 of the dump: a row is missing;"),
        (b"INSERT INTO u VALUES ('never closed);\n", "The dump is cut off in line 2;"),
        (b"-- MySQL dump 10.13\nINSERT INTO t (a) VALUES (1);\n", "The dump is cut off in line 3;"),
        (b"START TRANSACTION;\nINSERT INTO t (a) VALUES (1);\n", "The dump is cut off in line 3;"),
        (gzip.compress(b"SELECT 1;", mtime=0)[:-4], "The gzip file is cut off;"),
        (gzip.compress(b"SELECT 1;", mtime=0)[:-8] + b"\xff" * 8, "The gzip file is damaged;"),
        (b"PK\x03\x04....", "The dump is packed or in UTF-16;"),
        ("-- MySQL dump".encode("utf-16"), "The dump is packed or in UTF-16;"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(sql: bytes, message: str) -> None:
    assert fault(sql).startswith(message)


@pytest.mark.parametrize("name", ["default", "phpmyadmin"])
def test_a_dump_that_is_cut_off_anywhere_is_refused(name: str) -> None:
    whole = (DATA / f"{name}.sql").read_bytes()
    end = whole.rindex(b"-- Dump completed" if name == "default" else b"COMMIT")
    for cut in range(200, end, 37):
        with pytest.raises(PollError, match=r"cut off|are not in the dump"):
            read_dump(io.BytesIO(whole[:cut]), UTC)


def test_a_dump_that_unpacks_without_end_is_refused() -> None:
    packed = gzip.compress(TABLES + b" " * 10_000_000)
    assert read_dump(io.BytesIO(packed), UTC, 11_000_000) == []
    with pytest.raises(PollError, match="larger than 1 MiB when it is unpacked"):
        read_dump(io.BytesIO(packed), UTC, 1 << 20)


def test_gzip_files_may_follow_each_other() -> None:
    parts = gzip.compress(b"INSERT INTO t (a) VALUES (1);") + gzip.compress(b"INSERT INTO t (a) VALUES (2);")
    assert [row["a"] for row in table_t(io.BytesIO(parts))] == ["1", "2"]


@pytest.mark.parametrize("sql", [b"", b"CREATE TABLE wp_posts (a int);", b"CREATE TABLE wp_pollsq (a int);"])
def test_a_dump_without_the_tables_is_refused(sql: bytes) -> None:
    with pytest.raises(PollError, match="are not in the dump"):
        read(sql, tables=b"")


def test_two_wordpresses_in_one_dump_are_refused() -> None:
    poll = b"INSERT INTO wp_pollsq VALUES (1,'Q','1',0,1,0,0,0);"
    answer = b"INSERT INTO wp_pollsa VALUES (1,1,'Yes',0);"
    for sql in (poll + poll, answer + answer, b"INSERT INTO wp_pollsa (polla_votes) VALUES (1);"):
        with pytest.raises(PollError, match=r"twice|has no id"):
            read(sql)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ("Question;Votes\n", "has not 8 columns"),
        ("?\n", "must begin with pollq_id"),
        ('1,"a"b,c,d,e,f,g,h\n', "is not UTF-8 in RFC 4180's form"),
        ("pollq_question,pollq_active\nQ,1\n", "has no id"),
    ],
)
def test_csv_that_cannot_be_read_is_refused(questions: str, message: str) -> None:
    with pytest.raises(PollError, match=message):
        read_csv(io.StringIO(questions), io.StringIO(), None, UTC)
    latin = io.TextIOWrapper(io.BytesIO(b"1,caf\xe9,3,4,5,6,7,8\n"), encoding="utf-8")
    with pytest.raises(PollError, match="is not UTF-8"):
        read_csv(latin, io.StringIO(), None, UTC)


# Memory


def large_dump(votes: int) -> Iterator[bytes]:
    """A dump with the log between the other two tables, and one statement of 40 MB that is not wanted."""
    yield TABLES
    yield b"INSERT INTO wp_posts VALUES (1,'"
    yield from (b"it\\'s a long text; " * 20_000 for _ in range(100))
    yield b"');\n"
    answers = ",".join(f"({id_},1,'Answer {id_}',{votes // 5})" for id_ in range(1, 6))
    yield f"INSERT INTO wp_pollsa VALUES {answers};\n".encode()
    yield b"INSERT INTO wp_pollsip (pollip_qid, pollip_aid, pollip_ip, pollip_timestamp) VALUES "
    for number in range(votes):
        row = f"(1,{number % 5 + 1},'{number:032x}',{1700000040 + number // 4})"
        yield (row + (";\n" if number == votes - 1 else ",")).encode()
    yield f"INSERT INTO wp_pollsq VALUES (1,'Q?','1700000000',0,1,0,0,{votes});\n".encode()


def test_a_large_dump_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        [poll] = read_dump(large_dump(60_000), UTC)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (poll.voters, poll.notes) == (60_000, ())
    assert peak < 12_000_000
