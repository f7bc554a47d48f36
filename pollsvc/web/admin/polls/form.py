"""The form of a poll: its fields as they were typed, and what its buttons do to them.

A text has one field for each language, numbered by the language's place: `lang` is sent once for each
language, the poll's own first, and `question:0` is the question in it. The rows of options are known by keys,
an option's id or `new1`, `new2` …; `option` is sent once for each, in order, and `label:new1:0` is a label.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pollsvc.domain.poll import Kind, Site, Texts, Visibility
from pollsvc.services.editing.definitions import MAX_LANGS, MAX_OPTIONS
from pollsvc.services.editing.new_poll import NewOption, NewPoll
from pollsvc.web.admin.forms import Form
from pollsvc.web.admin.local_time import local_text

MAX_ROWS = MAX_OPTIONS + 10
"""How many rows are kept of what a browser sends: more than there can be, so that too many are told of."""

COUNTED = (Kind.MULTIPLE, Kind.RANKED)
"""Kinds whose editors choose how many options a reader picks."""

_KEY = re.compile(r"(new)?[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Row:
    """An option as it was typed; `labels` and `alts` by the place of their language."""

    key: str
    labels: tuple[str, ...]
    emoji: str = ""
    image: str = ""
    alts: tuple[str, ...] = ()
    retired: bool = False

    @property
    def id(self) -> int | None:
        """The option's id, None for a new one."""
        return int(self.key) if self.key.isdigit() else None

    @property
    def blank(self) -> bool:
        """Whether this is a new row in which nothing was given."""
        return self.id is None and not self.image and not any(map(str.strip, (*self.labels, self.emoji)))


@dataclass(frozen=True, slots=True)
class PollForm:
    """All fields of a poll's form, exactly as they were typed; `langs` and `questions` have equal lengths."""

    langs: tuple[str, ...]
    questions: tuple[str, ...]
    rows: tuple[Row, ...]
    kind: str = Kind.SINGLE
    least: str = ""
    most: str = ""
    scale: str = "5"
    write_in: bool = False
    order: str = "fixed"
    visibility: str = Visibility.ALWAYS
    allow_change: bool = False
    opens_at: str = ""
    closes_at: str = ""
    articles: str = ""
    base: Mapping[str, str] = field(default_factory=dict)
    """The `flat` fields of the form as it was first shown."""

    @classmethod
    def empty(cls, lang: str) -> "PollForm":
        """The form of a poll that is to be made, in a language."""
        return cls((lang,), ("",), (Row("new1", ("",), alts=("",)), Row("new2", ("",), alts=("",))))

    @classmethod
    def of(cls, new: NewPoll, site: Site) -> "PollForm":
        """The form that asks for a poll; its base is the form itself."""
        lang = new.lang or site.locale
        question = _by_lang(new.question, lang)
        langs = (lang, *sorted(question.keys() - {lang}))
        options = [NewOption(one) if isinstance(one, str) else one for one in new.options]
        rows = tuple(_row(option, langs, place) for place, option in enumerate(options, 1))
        counted = new.kind in COUNTED
        form = cls(
            langs=langs,
            questions=_in_order(question, langs),
            rows=cls.empty(lang).padded(len(langs)) if new.kind is Kind.RATING else rows,
            kind=new.kind,
            least=_number(new.min_picks) if counted else "",
            most=_number(new.max_picks) if counted else "",
            scale=_number(new.scale) or "5",
            write_in=new.write_in,
            order="shuffled" if new.shuffle else "fixed",
            visibility=new.visibility,
            allow_change=new.allow_change,
            opens_at=local_text(new.opens_at, site.time_zone),
            closes_at=local_text(new.closes_at, site.time_zone),
            articles="\n".join(new.articles),
        )
        return replace(form, base=form.flat())

    @classmethod
    def read(cls, form: Form, lang: str) -> "PollForm":
        """The form that a browser sent; what it left out is empty, the language then `lang`."""
        langs = tuple(tag.strip() for tag in form.texts("lang")[: MAX_LANGS + 1]) or (lang,)
        places = range(len(langs))
        keys = dict.fromkeys(key for key in form.texts("option") if _KEY.fullmatch(key))
        return cls(
            langs=langs,
            questions=tuple(form.text(f"question:{place}") for place in places),
            rows=tuple(
                Row(
                    key,
                    tuple(form.text(f"label:{key}:{place}") for place in places),
                    form.text(f"emoji:{key}"),
                    form.text(f"image:{key}"),
                    tuple(form.text(f"alt:{key}:{place}") for place in places),
                    f"retired:{key}" in form,
                )
                for key in list(keys)[:MAX_ROWS]
            ),
            kind=form.text("kind") or Kind.SINGLE,
            least=form.text("least"),
            most=form.text("most"),
            scale=form.text("scale") or "5",
            write_in="write_in" in form,
            order=form.text("order") or "fixed",
            visibility=form.text("visibility") or Visibility.ALWAYS,
            allow_change="allow_change" in form,
            opens_at=form.text("opens_at"),
            closes_at=form.text("closes_at"),
            articles=form.text("articles"),
            base=_read_base(form.text("base")),
        )

    def fields(self) -> Iterator[tuple[str, str]]:
        """The form as a browser sends it, in the order of the page."""
        for place, (tag, question) in enumerate(zip(self.langs, self.questions, strict=True)):
            yield "lang", tag
            yield f"question:{place}", question
        yield "kind", self.kind
        for row in self.rows:
            yield "option", row.key
            yield from ((f"label:{row.key}:{place}", text) for place, text in enumerate(row.labels))
            yield f"emoji:{row.key}", row.emoji
            yield f"image:{row.key}", row.image
            yield from ((f"alt:{row.key}:{place}", text) for place, text in enumerate(row.alts))
            if row.retired:
                yield f"retired:{row.key}", "1"
        for name in ("least", "most", "scale", "order", "visibility", "opens_at", "closes_at", "articles"):
            yield name, getattr(self, name)
        for name in ("write_in", "allow_change"):
            if getattr(self, name):
                yield name, "1"
        yield "base", json.dumps(dict(self.base), ensure_ascii=False)

    def flat(self) -> dict[str, str]:
        """Every field by a name that does not depend on the order of languages and options."""
        found = {f"question:{tag}": text for tag, text in zip(self.langs, self.questions, strict=True)}
        for row in self.rows:
            for tag, label, alt in zip(self.langs, row.labels, row.alts, strict=True):
                found[f"label:{row.key}:{tag}"] = label
                found[f"alt:{row.key}:{tag}"] = alt
            found |= {f"emoji:{row.key}": row.emoji, f"image:{row.key}": row.image}
            found[f"retired:{row.key}"] = "1" if row.retired else ""
        found |= {name: str(getattr(self, name)) for name in PLAIN}
        found |= {name: "1" if getattr(self, name) else "" for name in SWITCHES}
        return found | {"lang": self.langs[0], "options": " ".join(row.key for row in self.rows)}

    def padded(self, langs: int) -> tuple[Row, ...]:
        """The rows with room for so many languages."""
        return tuple(
            replace(row, labels=_pad(row.labels, langs), alts=_pad(row.alts, langs)) for row in self.rows
        )


PLAIN = ("kind", "least", "most", "scale", "order", "visibility", "opens_at", "closes_at")
SWITCHES = ("write_in", "allow_change")


def _row(option: NewOption, langs: Sequence[str], place: int) -> Row:
    return Row(
        key=f"new{place}" if option.id is None else str(option.id),
        labels=_in_order(_by_lang(option.label, langs[0]), langs),
        emoji=option.emoji,
        image=option.image,
        alts=_in_order(_by_lang(option.alt, langs[0]), langs),
        retired=option.retired,
    )


def _by_lang(text: str | Texts, lang: str) -> Texts:
    return {lang: text} if isinstance(text, str) else text


def _in_order(texts: Texts, langs: Sequence[str]) -> tuple[str, ...]:
    return tuple(texts.get(tag, "") for tag in langs)


def _pad(texts: tuple[str, ...], length: int) -> tuple[str, ...]:
    return (*texts, *[""] * (length - len(texts)))[:length]


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _read_base(text: str) -> dict[str, str]:
    """The base of a form as it was sent; empty when it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {_sound(name): _sound(one) for name, one in value.items() if isinstance(one, str)}


def _sound(text: str) -> str:
    """The text without the half characters (lone surrogates) that JSON can smuggle in."""
    return text.encode("utf-8", "replace").decode()
