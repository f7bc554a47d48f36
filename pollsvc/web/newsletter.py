"""A poll as a block of HTML for newsletters: tables and inline styles, as mail programs need them."""

from typing import NamedTuple

from pollsvc.domain.poll import Kind, Poll, State, direction
from pollsvc.services.embed import CARD_HEIGHT, CARD_WIDTH, card_url, page_url
from pollsvc.services.result_words import Text, label_of, question_of
from pollsvc.services.words import Words
from pollsvc.web.environment import environment

WIDTH = 600
"""How wide the block is at most, in pixels: what mail programs show without scrolling."""
_PICTURE_WIDTH = 552  # within the block's padding
_BY_ANSWER = (Kind.SINGLE, Kind.REACTION, Kind.RATING)  # one answer is chosen, so that each can be a link


class Answer(NamedTuple):
    """An answer, as a link to the poll's page, where it is chosen but not cast."""

    url: str
    label: Text
    emoji: str = ""


def has_answers(poll: Poll, state: State) -> bool:
    """Whether a poll's block has a link for each answer; else there is one to the poll."""
    return state is not State.CLOSED and poll.kind in _BY_ANSWER


class Newsletter:
    """Makes such blocks."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._template = environment().get_template("embed/mail.html")

    def block(self, poll: Poll, state: State, words: Words, lang: str) -> str:
        """The block in one of the poll's languages, for a poll in this state.

        It has the result's picture where all may see the result.
        """
        base_url, own = self._base_url, None if lang == poll.lang else lang
        rendered = self._template.render(
            poll=poll,
            words=words,
            start="right" if direction(lang) == "rtl" else "left",
            question=question_of(poll, lang),
            url=page_url(base_url, poll, own),
            answers=self._answers(poll, words, lang, own) if has_answers(poll, state) else [],
            closed=state is State.CLOSED,
            rating=poll.kind is Kind.RATING,
            picture=card_url(base_url, poll, own) if poll.shows_results(state, voted=False) else "",
            width=WIDTH,
            picture_width=_PICTURE_WIDTH,
            picture_height=round(_PICTURE_WIDTH * CARD_HEIGHT / CARD_WIDTH),
        )
        return rendered.strip()

    def _answers(self, poll: Poll, words: Words, lang: str, own: str | None) -> list[Answer]:
        answers = [
            Answer(
                page_url(self._base_url, poll, own, option.id),
                label_of(poll, option, words, lang),
                option.emoji,
            )
            for option in poll.active_options
        ]
        if poll.write_in:
            other = Text(words.say("own"), words.lang, words.dir)
            answers.append(Answer(page_url(self._base_url, poll, own), other))
        return answers
