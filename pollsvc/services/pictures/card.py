"""The picture of a poll for links and newsletters, in a size that nobody crops."""

from collections.abc import Sequence
from io import BytesIO

from pollsvc.services.embed import CARD_HEIGHT, CARD_WIDTH
from pollsvc.services.pictures.facts import Facts, Line, leading
from pollsvc.services.pictures.palette import PALETTES, Palette, Theme, in_few_colours
from pollsvc.services.pictures.pen import Box, Pen
from pollsvc.services.pictures.typeface import Said, Style, Typeface
from pollsvc.services.result_words import Text

MOST = 6
"""How many answers are drawn; of a rating, all."""

_SIDE = 64  # free at both sides
_INNER = CARD_WIDTH - 2 * _SIDE
_TOP, _BOTTOM = 112, 512  # between them the question and the result
_QUESTIONS = (60, 54, 48, 44, 40, 36)  # sizes, the first that fits is taken
_STATES = (26, 24, 22, 20)
_ROWS = {1: 76, 2: 76, 3: 72, 4: 60, 5: 50, 6: 43}  # the least height of an answer, by how many there are
_REST = 34  # the height of the line that says how many more there are
_LEADING = 1.28  # of lines, in sizes
_MIDDLE = 0.355  # from the middle of a capital to its baseline, in sizes


def draw_card(facts: Facts, typeface: Typeface, theme: Theme) -> bytes:
    """The card as a PNG."""
    card = _Card(facts, typeface, PALETTES[theme])
    card.draw()
    content = BytesIO()
    in_few_colours(card.pen.image, theme).save(content, "PNG", compress_level=4)
    return content.getvalue()


class _Card:
    """One card on its way; all that is `x` is counted from the side where the question starts."""

    def __init__(self, facts: Facts, typeface: Typeface, palette: Palette) -> None:
        self.facts = facts
        self.type = typeface
        self.ink = palette
        self.pen = Pen(
            typeface, (CARD_WIDTH, CARD_HEIGHT), palette.paper, mirrored=facts.question.dir == "rtl"
        )

    def draw(self) -> None:
        """The frame, and within it the question over the result, in the middle of the room that they have."""
        self._head()
        self._foot()
        lines, rest = (self.facts.lines, 0) if self.facts.rating else leading(self.facts.lines, MOST)
        more = _REST if rest else 0
        least = 220 if self.facts.rating else _ROWS.get(len(lines), 43) * len(lines) + more
        style, question = self._question(_BOTTOM - _TOP - least - 26)
        height = round(style.size * _LEADING) * len(question)
        room = _BOTTOM - _TOP - height - 26
        if self.facts.rating:
            used = min(room, 290)
        else:
            step = min(82, (room - more) // max(1, len(lines)))
            used = step * len(lines) + more
        y = _TOP + (room - used) // 2
        for said in question:
            y += round(style.size * _LEADING)
            self.pen.text(_SIDE, y - style.size * 0.28, said, style, self.ink.ink)
        y += 26
        if self.facts.rating:
            self._columns(Box(_SIDE, y, _INNER, used))
        else:
            self._rows(lines, rest, y, step)

    def _head(self) -> None:
        """The publisher, and until when the poll is open."""
        pen, ink = self.pen, self.ink
        pen.block(Box(0, 0, CARD_WIDTH, 10), ink.accent)
        state = self._words(self.facts.state)
        styles = [Style(size) for size in _STATES]
        style = next((one for one in styles if self.type.width(state, one) < _INNER * 0.6), styles[-1])
        state = self.type.cut(state, style, _INNER * 0.6)
        width = self.type.width(state, style)
        pen.text(CARD_WIDTH - _SIDE, 84, state, style, ink.quiet, "end")
        if state.text:
            colour = ink.open if self.facts.open else ink.quiet
            pen.rounded(Box(round(CARD_WIDTH - _SIDE - width - 26), 68, 14, 14), 7, colour)
        pen.rounded(Box(_SIDE, 57, 8, 34), 4, ink.accent)
        site = self.type.said(self.facts.site, self.facts.question.lang, self.facts.question.dir)
        bold = Style(30, bold=True)
        pen.text(_SIDE + 24, 85, self.type.cut(site, bold, _INNER - width - 90), bold, ink.ink)

    def _foot(self) -> None:
        """How many have voted, what the numbers are of, and what to think of it."""
        pen, ink, facts = self.pen, self.ink, self.facts
        pen.block(Box(_SIDE, _BOTTOM + 22, _INNER, 2), ink.line)
        bold, plain, small = Style(26, bold=True), Style(26), Style(22)
        voters = self.type.cut(self._words(facts.voters), bold, _INNER)
        pen.text(_SIDE, 568, voters, bold, ink.ink)
        begin = self.type.width(voters, bold) + 18
        if facts.caption and _INNER - begin > 100:
            caption = self.type.cut(self._words(facts.caption), plain, _INNER - begin)
            pen.text(_SIDE + begin, 568, caption, plain, ink.quiet)
        as_of = self._words(facts.as_of)
        pen.text(CARD_WIDTH - _SIDE, 604, as_of, small, ink.quiet, "end")
        sample = self.type.cut(self._words(facts.sample), small, _INNER - self.type.width(as_of, small) - 30)
        pen.text(_SIDE, 604, sample, small, ink.quiet)

    def _question(self, room: int) -> tuple[Style, Sequence[Said]]:
        """The question in the largest letters with which it has at most three lines and fits."""
        text = self.facts.question
        said = self.type.said(*text)
        if not said.text:  # the font has none of its letters
            said = self._words(self.facts.words.say("poll"))
        for size in _QUESTIONS:
            style = Style(size, bold=True)
            lines = self.type.wrap(said, style, _INNER, 3)
            whole = "".join(line.text for line in lines).replace(" ", "") == said.text.replace(" ", "")
            if whole and round(size * _LEADING) * len(lines) <= room:
                break
        return style, lines

    def _rows(self, lines: Sequence[Line], rest: int, y: int, step: int) -> None:
        """The answers, each on its bar."""
        gap = max(6, step // 7)
        height = step - gap
        size = min(32, max(22, round(height * 0.56)))
        for line in lines:
            self._row(line, Box(_SIDE, y, _INNER, height), size)
            y += step
        if rest:
            more = self._words(f"+ {self.facts.words.number(rest)}")
            self.pen.text(_SIDE + 20, y + 22, more, Style(24, bold=True), self.ink.quiet)

    def _row(self, line: Line, box: Box, size: int) -> None:
        pen, ink = self.pen, self.ink
        strong, plain = Style(size, bold=True), Style(size, bold=line.most)
        baseline = box.y + box.height / 2 + size * _MIDDLE
        pen.rounded(box, 10, ink.track)
        if line.share:
            pen.rounded(box, 10, ink.most if line.most else ink.bar, part=(line.share, 1.0))
        value = self._words(line.value)
        pen.text(box.x + box.width - 20, baseline, value, strong, ink.ink, "end")
        room = box.width - 40 - (self.type.width(value, strong) + 24 if value.text else 0)
        note = self._words(line.note)
        quiet = Style(round(size * 0.75))
        aside = self.type.width(note, quiet) + 16 if note.text else 0
        label = self.type.cut(self._label(line), plain, max(room - aside, room / 2))
        pen.text(box.x + 20, baseline, label, plain, ink.ink)
        after = self.type.width(label, plain) + 16
        if note.text and after + 40 < room:
            note = self.type.cut(note, quiet, room - after)
            pen.text(box.x + 20 + after, baseline, note, quiet, ink.quiet)

    def _columns(self, box: Box) -> None:
        """A rating: its mean, and how many gave each number."""
        pen, ink, lines = self.pen, self.ink, self.facts.lines
        top = box.y
        if self.facts.mean:
            style = Style(36, bold=True)
            mean = self.type.cut(self._words(self.facts.mean), style, _INNER)
            pen.text(box.x, top + 36, mean, style, ink.accent)
            top += 58
        gap = 14
        width = (box.width - gap * (len(lines) - 1)) // max(1, len(lines))
        size = 26 if len(lines) <= 5 else 22
        under, over = size + 16, size + 12 if self.facts.shown else 0
        height = box.y + box.height - top - under - over
        largest = max((line.number for line in lines), default=0)
        for n, line in enumerate(lines):
            x = box.x + n * (width + gap)
            track = Box(x, top + over, width, height)
            pen.rounded(track, 10, ink.track)
            tall = line.number / largest if largest and line.share else 0.0
            if tall:
                pen.rounded(track, 10, ink.most if line.most else ink.bar, part=(1.0, tall))
            style, middle = Style(size, bold=True), x + width / 2
            pen.text(middle, top + size, self._words(line.value), style, ink.ink, "middle")
            number = Style(size, bold=line.most)
            pen.text(middle, box.y + box.height - 6, self._label(line), number, ink.ink, "middle")

    def _label(self, line: Line) -> Said:
        """An answer; its number in the list where the font has none of its letters."""
        said = self._said(line.label)
        return said if said.text else self._words(line.place)

    def _words(self, text: str) -> Said:
        """A text in the language of the words around the poll."""
        return self.type.said(text, self.facts.words.lang, self.facts.words.dir)

    def _said(self, text: Text) -> Said:
        return self.type.said(text.text, text.lang, text.dir)
