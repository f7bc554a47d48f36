"""What an editor asks a poll to be, checked and made into a poll."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category

import emoji as emojis
from babel import Locale, UnknownLocaleError

from pollsvc.domain.errors import Code, PollError
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Site, Texts
from pollsvc.domain.selection import check_picks
from pollsvc.services.editing.new_poll import NewOption, NewPoll, Problems
from pollsvc.services.mac import encode

MAX_OPTIONS = 50
MAX_RANKED = 20
MAX_LANGS = 20
MAX_QUESTION = 300
MAX_LABEL = 150
MAX_ALT = 300
"""Limits of a poll; lengths in characters."""

MAX_TIME = 221_845_305_600
"""The latest time of a schedule: 9000-01-01, in Unix seconds; every time zone can still show it."""

SCALES = (5, 10)
"""The greatest number of a rating."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else
_NO_TEXTS: Texts = {}


def define(new: NewPoll, site: Site, before: Poll | None, now: int) -> Poll:
    """The poll that `new` asks for: a new one, or what becomes of the one `before`.

    Placements are not touched. Raises PollError `bad_request` with all that is wrong.
    """
    problems = Problems()
    lang = new.lang or (before.lang if before else site.locale)
    if not is_lang(lang):
        problems.add("lang", _unknown_lang(lang))
    question = _texts(new.question, lang, "question", MAX_QUESTION, problems)
    if len(question) > MAX_LANGS:
        problems.add("question", f"A poll can be in at most {MAX_LANGS} languages.")
    options = _options(new, lang, tuple(question), before, problems)
    active = sum(option.state is OptionState.ACTIVE and option.write_in is None for option in options)
    limit = MAX_RANKED if new.kind is Kind.RANKED else MAX_OPTIONS
    if not 2 <= active <= limit:
        problems.add("options", f"A poll needs 2 to {limit} options; {active} were given.")
    least, most = _picks(new, before, active, problems)
    for name in ("opens_at", "closes_at"):
        time = getattr(new, name)
        if time is not None and not 0 <= time <= MAX_TIME:
            problems.add(name, "A poll can open and close between the years 1970 and 9000; change it.")
    if new.opens_at is not None and new.closes_at is not None and new.opens_at >= new.closes_at:
        problems.add("closes_at", "A poll must close after it opens.")
    if new.write_in and new.kind in (Kind.RATING, Kind.REACTION):
        problems.add("write_in", f"A poll of kind {new.kind} cannot take answers that readers write.")
    problems.raise_any()
    opens_at = new.opens_at
    if opens_at is None and not new.draft and (before is None or before.draft):
        opens_at = now if new.closes_at is None or new.closes_at > now else None
    changing: dict[str, Any] = {
        "site": site,
        "kind": new.kind,
        "question": question,
        "lang": lang,
        "options": options,
        "min_picks": least,
        "max_picks": most,
        "opens_at": opens_at,
        "closes_at": new.closes_at,
        "draft": new.draft,
        "visibility": new.visibility,
        "allow_change": new.allow_change,
        "shuffle": new.shuffle and new.kind is not Kind.RATING,
        "write_in": new.write_in,
    }
    if before is None:
        return Poll(
            id=new_id(10),
            key=secrets.token_bytes(32),
            results_key=encode(secrets.token_bytes(16)),
            placements={},
            created_at=now,
            **changing,
        )
    return Poll(
        id=before.id,
        key=before.key,
        results_key=before.results_key,
        placements=before.placements,
        archived_at=before.archived_at,
        replaces=before.replaces,
        replaced_by=before.replaced_by,
        revision=before.revision + 1,
        created_at=before.created_at,
        **changing,
    )


def is_lang(tag: str) -> bool:
    """Whether a BCP 47 tag names a language that CLDR knows."""
    try:
        return bool(Locale.parse(tag, sep="-"))
    except (ValueError, UnknownLocaleError, TypeError):
        return False


def one_line(text: str, what: str, limit: int) -> str:
    """The text in one line. Raises PollError when it is empty, too long, or not text."""
    line = " ".join(text.split())
    message = _fault(line, what, limit)
    if message:
        raise PollError(Code.BAD_REQUEST, message)
    return line


def new_id(length: int) -> str:
    """A random id of so many letters and digits, about 5 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _unknown_lang(tag: str) -> str:
    return f"{tag!r} is no language that is known; give a tag such as en or pt-BR."


def _fault(line: str, what: str, limit: int) -> str:
    if not line:
        return f"The {what} is empty; give it some text."
    if len(line) > limit:
        return f"The {what} is longer than {limit} characters; shorten it."
    if any(category(char) in {"Cc", "Cs"} for char in line):
        return f"The {what} has characters that cannot be shown; remove them."
    return ""


def _texts(
    given: str | Texts, lang: str, place: str, limit: int, problems: Problems, what: str = ""
) -> dict[str, str]:
    """A text by language, each in one line; the language `lang` must be among them."""
    texts = {lang: given} if isinstance(given, str) else dict(given)
    what = what or place
    if lang not in texts:
        problems.add(f"{place}.{lang}", f"The {what} is missing in the poll's language, {lang}; add it.")
    lines = {}
    for tag, text in texts.items():
        line = lines[tag] = " ".join(text.split())
        if tag != lang and not is_lang(tag):
            problems.add(f"{place}.{tag}", _unknown_lang(tag))
        elif message := _fault(line, f"{what} in {tag}" if len(texts) > 1 else what, limit):
            problems.add(f"{place}.{tag}", message)
    return lines


def _options(
    new: NewPoll, lang: str, langs: Sequence[str], before: Poll | None, problems: Problems
) -> tuple[Option, ...]:
    known = {option.id: option for option in before.options} if before else {}
    if new.kind is Kind.RATING:
        scale = new.scale or len(known) or SCALES[0]
        if scale not in SCALES:
            problems.add("scale", "A rating goes from 1 to 5 or from 1 to 10.")
        return tuple(Option(number, {lang: str(number)}) for number in range(1, scale + 1))
    options: list[Option] = []
    next_id = max(known, default=0) + 1
    for place, given in enumerate(new.options, 1):
        asked = NewOption(given) if isinstance(given, str) else given
        option = _option(asked, new.kind, lang, langs, known, place, problems)
        if option.id == 0:
            option = Option(next_id, option.label, option.state, option.emoji, option.image, option.alt)
            next_id += 1
        elif any(other.id == option.id for other in options):
            problems.add(f"options.{place}.id", f"Option {option.id} was given twice.")
        options.append(option)
    _find_twins(options, langs, problems)
    named = {option.id for option in options}
    kept = [
        option
        for option in known.values()
        if option.id not in named and option.write_in is not None and option.state is not OptionState.ACTIVE
    ]
    if before is not None and not before.draft:
        for option in known.values():
            if option.id not in named and option not in kept:
                problems.add(
                    "options",
                    f"Option {option.id} cannot be deleted since the poll was published; retire it instead.",
                )
    return (*options, *kept)


def _option(
    asked: NewOption,
    kind: Kind,
    lang: str,
    langs: Sequence[str],
    known: Mapping[int, Option],
    place: int,
    problems: Problems,
) -> Option:
    """One option, with id 0 if it is new."""
    where = f"options.{place}"
    if asked.id is not None and asked.id not in known:
        problems.add(f"{where}.id", f"This poll has no option {asked.id}; leave the id out for a new one.")
    given = asked.label
    if kind is Kind.REACTION:
        if not emojis.is_emoji(asked.emoji):
            problems.add(f"{where}.emoji", "Give each reaction one emoji.")
        elif not given:
            given = {tag: _emoji_name(asked.emoji, tag) for tag in langs}
    elif asked.emoji:
        problems.add(f"{where}.emoji", "Only a poll of kind reaction has emoji of its own; leave it out.")
    label = _texts(given, lang, f"{where}.label", MAX_LABEL, problems, f"label of option {place}")
    for tag in langs:
        if tag not in label:
            problems.add(f"{where}.label.{tag}", f"Option {place} has no label in {tag}; add it.")
    alt = _texts(asked.alt, lang, f"{where}.alt", MAX_ALT, problems, "image text") if asked.alt else _NO_TEXTS
    if asked.image and not alt:
        problems.add(f"{where}.alt.{lang}", f"Say in words what the image of option {place} shows.")
    old = known.get(asked.id or 0)
    return Option(
        id=asked.id or 0,
        label=label,
        state=OptionState.RETIRED if asked.retired else OptionState.ACTIVE,
        emoji=asked.emoji,
        image=asked.image,
        alt=alt if asked.image else _NO_TEXTS,
        write_in=old.write_in if old else None,
    )


def _find_twins(options: Sequence[Option], langs: Sequence[str], problems: Problems) -> None:
    for tag in langs:
        seen: set[str] = set()
        for place, option in enumerate(options, 1):
            label = option.label.get(tag, "")
            if label and label in seen and option.state is OptionState.ACTIVE:
                problems.add(
                    f"options.{place}.label.{tag}", "Two options have the same label; give each its own."
                )
            seen.add(label)


def _picks(new: NewPoll, before: Poll | None, active: int, problems: Problems) -> tuple[int, int]:
    many = new.kind in (Kind.MULTIPLE, Kind.RANKED)
    least = 1 if new.min_picks is None else new.min_picks
    most = (active if many else 1) if new.max_picks is None else new.max_picks
    try:
        check_picks(new.kind, max(active, before.max_picks if before else 0), least, most)
    except PollError as error:
        problems.add("picks", error.message)
    return least, most


def _emoji_name(emoji: str, lang: str) -> str:
    lang = lang.partition("-")[0].lower()
    if lang in emojis.LANGUAGES:
        emojis.config.load_language(lang)  # once; further calls find it there
    names = emojis.EMOJI_DATA[emoji]
    return str(names.get(lang, names["en"])).strip(":").replace("_", " ")
