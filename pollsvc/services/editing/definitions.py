"""What an editor asks a poll to be, checked and made into a poll."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import emoji as emojis

from pollsvc.domain.errors import PollError
from pollsvc.domain.mac import encode
from pollsvc.domain.poll import Kind, Option, OptionState, Poll, Site, Texts
from pollsvc.domain.selection import check_picks
from pollsvc.domain.text import canonical_lang, fault_of, folded_text
from pollsvc.services.editing.new_poll import NewOption, NewPoll, Problems
from pollsvc.services.ids import new_id
from pollsvc.services.languages import is_lang, unknown_lang

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

_NO_TEXTS: Texts = {}


def define(new: NewPoll, site: Site, before: Poll | None, now: int) -> Poll:
    """The poll that `new` asks for: a new one, or what becomes of the one `before`.

    Placements are not touched. Raises PollError `bad_request` with all that is wrong; in a draft, labels may
    be missing in all languages but the first.
    """
    problems = Problems()
    lang = canonical_lang(new.lang or (before.lang if before else site.locale))
    if not is_lang(lang):
        problems.add("lang", unknown_lang(lang))
    question = _texts(new.question, lang, "question", MAX_QUESTION, problems)
    if len(question) > MAX_LANGS:
        problems.add("question", f"A poll can be in at most {MAX_LANGS} languages.")
    options = _options(new, lang, tuple(question), before, problems)
    active = sum(option.state is OptionState.ACTIVE and option.write_in is None for option in options)
    limit = most_options(new.kind)
    if not 2 <= active <= limit:
        problems.add("options", f"A poll needs 2 to {limit} options; {active} were given.")
    least, most = _picks(new, before, options, problems)
    _check_schedule(new, before, problems)
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
    return replace(before, revision=before.revision + 1, **changing)


def most_options(kind: Kind) -> int:
    """How many options a poll can have, beside those that readers wrote."""
    return MAX_RANKED if kind is Kind.RANKED else MAX_OPTIONS


def _texts(
    given: str | Texts, lang: str, place: str, limit: int, problems: Problems, what: str = ""
) -> dict[str, str]:
    """A text by language, each in one line; the language `lang` must be among them."""
    texts = {lang: given} if isinstance(given, str) else given
    what = what or place
    lines: dict[str, str] = {}
    for given_tag, text in texts.items():
        tag, line = canonical_lang(given_tag), " ".join(text.split())
        if tag in lines:
            problems.add(f"{place}.{given_tag}", f"The {what} is there twice in {tag}; remove one of both.")
        elif tag != lang and not is_lang(tag):
            problems.add(f"{place}.{given_tag}", unknown_lang(given_tag))
        elif message := fault_of(line, f"{what} in {tag}" if len(texts) > 1 else what, limit):
            problems.add(f"{place}.{given_tag}", message)
        lines[tag] = line
    if lang not in lines:
        problems.add(f"{place}.{lang}", f"The {what} is missing in the poll's language, {lang}; add it.")
    return lines


def _options(
    new: NewPoll, lang: str, langs: Sequence[str], before: Poll | None, problems: Problems
) -> tuple[Option, ...]:
    known = {option.id: option for option in before.options} if before else {}
    if new.kind is Kind.RATING:
        scale = new.scale or len(known) or SCALES[0]
        if scale not in SCALES:
            problems.add("scale", "A rating goes from 1 to 5 or from 1 to 10.")
            scale = SCALES[0]
        return tuple(Option(number, {lang: str(number)}) for number in range(1, scale + 1))
    options: list[Option] = []
    next_id = max(known, default=0) + 1
    for place, given in enumerate(new.options, 1):
        asked = NewOption(given) if isinstance(given, str) else given
        option = _option(asked, new, lang, langs, known, place, problems)
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
    new: NewPoll,
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
    if new.kind is Kind.REACTION:
        is_emoji = emojis.is_emoji(asked.emoji)
        if not is_emoji:
            problems.add(f"{where}.emoji", "Give each reaction one emoji.")
        if not given:
            given = {tag: _emoji_name(asked.emoji, tag) if is_emoji else f"?{place}" for tag in langs}
    elif asked.emoji:
        problems.add(f"{where}.emoji", "Only a poll of kind reaction has emoji of its own; leave it out.")
    if new.draft and not isinstance(given, str):
        given = {tag: text for tag, text in given.items() if text.strip() or canonical_lang(tag) == lang}
    label = _texts(given, lang, f"{where}.label", MAX_LABEL, problems, f"label of option {place}")
    for tag in langs:
        if tag not in label and tag != lang and not new.draft:
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
            label = folded_text(option.label.get(tag, ""))
            if not label or option.state is not OptionState.ACTIVE:
                continue
            if label in seen:
                problems.add(
                    f"options.{place}.label.{tag}", "Two options have the same label; give each its own."
                )
            seen.add(label)


def _picks(
    new: NewPoll, before: Poll | None, options: Sequence[Option], problems: Problems
) -> tuple[int, int]:
    """The least and the most that a reader picks; what a reader writes is a pick too."""
    many = new.kind in (Kind.MULTIPLE, Kind.RANKED)
    active = sum(option.state is OptionState.ACTIVE for option in options)
    choices = active + new.write_in
    least = 1 if new.min_picks is None else new.min_picks
    most = (active if many else 1) if new.max_picks is None else new.max_picks
    try:
        check_picks(new.kind, max(choices, before.max_picks if before else 0), least, most)
    except PollError as error:
        problems.add("picks", error.message)
    else:
        if least > choices:
            problems.add(
                "picks",
                f"Readers could pick {choices} only, but must pick {least} at least; ask for fewer picks, or "
                "keep more options.",
            )
    return least, most


def _check_schedule(new: NewPoll, before: Poll | None, problems: Problems) -> None:
    for name in ("opens_at", "closes_at"):
        time = getattr(new, name)
        if time is not None and not 0 <= time <= MAX_TIME:
            problems.add(name, "A poll can open and close between the years 1970 and 9000; change it.")
    if new.opens_at is None or new.closes_at is None or new.opens_at < new.closes_at:
        return
    if before is None or not new.opens_at == new.closes_at == before.opens_at == before.closes_at:
        problems.add("closes_at", "A poll must close after it opens.")  # but it may be closed as it opens


def _emoji_name(emoji: str, lang: str) -> str:
    lang = lang.partition("-")[0].lower()
    if lang in emojis.LANGUAGES:
        emojis.config.load_language(lang)  # once; further calls find it there
    names = emojis.EMOJI_DATA[emoji]
    return str(names.get(lang, names["en"])).strip(":").replace("_", " ")
