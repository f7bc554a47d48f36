"""The result as a drawing with all its answers, 640 wide: where each text and each bar stands.

Texts are drawn by whoever shows it, with fonts of theirs, which may be a little wider than ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pollsvc.services.pictures.drawable import shown_in_one_line
from pollsvc.services.pictures.facts import Facts, Line
from pollsvc.services.pictures.typeface import Said, Style, Typeface

WIDTH = 640
SIDE = 24
"""How much is free at both sides, in pixels."""
ROW = 42
"""How tall an answer's bar is, in pixels."""
_INNER = WIDTH - 2 * SIDE
_STEP = 50  # from one answer to the next
_FREE = 0.94  # of the room for a text is used by our letters
_FOOT = Style(14)


class Mark(NamedTuple):
    """A text with its place: it is anchored at `x`, on the baseline `y`; `look` is its style."""

    text: str
    lang: str
    dir: str
    x: float
    y: float
    anchor: str
    look: str


class Bar(NamedTuple):
    """An answer's bar, within a row that begins at `y`."""

    y: int
    x: float
    width: float
    most: bool


class Drawing(NamedTuple):
    """All of it, with its words for those who do not see it: `title`, and `told` line by line."""

    height: int
    lang: str
    dir: str
    title: str
    told: Sequence[str]
    marks: Sequence[Mark]
    bars: Sequence[Bar]


def lay_out(facts: Facts, typeface: Typeface) -> Drawing:
    """The drawing of a result."""
    return _Layout(facts, typeface).drawing()


class _Layout:
    def __init__(self, facts: Facts, typeface: Typeface) -> None:
        self.facts = facts
        self.type = typeface
        self.mirrored = facts.question.dir == "rtl"
        self.marks: list[Mark] = []
        self.bars: list[Bar] = []

    def drawing(self) -> Drawing:
        """From top to bottom."""
        facts = self.facts
        site = self.type.foreign(facts.site, facts.question.lang, facts.question.dir)
        self._put(site, Style(14, bold=True), 36, "site", _INNER)
        y = 48
        style = Style(24, bold=True)
        for said in self.type.wrap(self.type.foreign(*facts.question), style, _INNER * _FREE, 4):
            y += 31
            self._put(said, style, y, "question", WIDTH)
        if facts.mean:
            y += 32
            self._put(self._words(facts.mean), Style(18, bold=True), y, "mean", _INNER)
        y += 18
        for line in facts.lines:
            self._row(line, y)
            y += _STEP
        y += 22
        for texts, look in (
            ((facts.voters, facts.caption), "voters"),
            ((facts.state,), "foot"),
            ((facts.sample, facts.as_of), "foot"),
        ):
            said = self._words(" · ".join(text for text in texts if text))
            for part in self.type.wrap(said, _FOOT, _INNER * _FREE, 2):
                self._put(part, _FOOT, y, look, WIDTH)
                y += 21
        return Drawing(
            height=y + 8,
            lang=facts.question.lang,
            dir=facts.question.dir,
            title=shown_in_one_line(facts.question.text),
            told=self._told(),
            marks=self.marks,
            bars=self.bars,
        )

    def _row(self, line: Line, y: int) -> None:
        base, bold = y + 27, Style(16, bold=True)
        width = line.share * _INNER
        self.bars.append(
            Bar(y, WIDTH - SIDE - width if self.mirrored else SIDE, round(width, 1), most=line.most)
        )
        value = self._words(line.value if self.facts.percents else line.votes)
        free = _INNER - 28 - self._put(value, bold, base, "value", 300, x=_INNER - 14, end=True) - 16
        if self.facts.percents:
            votes = self._words(line.votes)
            free -= self._put(votes, _FOOT, base, "votes", 200, x=14 + free, end=True) + 16
        label = self.type.foreign(*line.label)
        if line.note:
            label = label._replace(text=f"{label.text} ({shown_in_one_line(line.note)})")
        self._put(label, bold if line.most else Style(16), base, "most" if line.most else "label", free, x=14)

    def _put(
        self, said: Said, style: Style, y: int, look: str, room: float, *, x: float = 0.0, end: bool = False
    ) -> float:
        """A text that begins, or ends, `x` from the side where reading starts; how much room it may need."""
        cut = self.type.cut(said, style, room * _FREE)
        at = WIDTH - SIDE - x if self.mirrored else SIDE + x
        turned = cut.dir != self.facts.question.dir
        anchor = "end" if end != turned else "start"
        if cut.text:
            self.marks.append(Mark(cut.text, cut.lang, cut.dir, round(at, 1), y, anchor, look))
        return self.type.width(cut, style) / _FREE

    def _told(self) -> list[str]:
        """The result in words: `Answer: 54 %, 12 votes`."""
        facts, told = self.facts, []
        for line in facts.lines:
            said = [line.value, line.votes] if facts.percents else [line.votes]
            numbers = ", ".join(part for part in (*said, line.note) if part)
            told.append(shown_in_one_line(line.label.text) + (f": {numbers}" if numbers else ""))
        rest = (facts.mean, facts.voters, facts.caption, facts.state, facts.as_of, facts.sample)
        return [*told, *(text for text in rest if text)]

    def _words(self, text: str) -> Said:
        return self.type.foreign(text, self.facts.words.lang, self.facts.words.dir)
