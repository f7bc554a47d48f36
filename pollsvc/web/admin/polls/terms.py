"""What the parts of a poll are called on every page for editors."""

from typing import NamedTuple

from pollsvc.domain.ballot import Reason, Status


class Term(NamedTuple):
    """A value of a poll's definition: what it is called, what it means, and that as a sentence."""

    value: str
    name: str
    hint: str
    sentence: str = ""


KINDS = {
    term.value: term
    for term in (
        Term("single", "One answer", "Each reader picks one option."),
        Term("multiple", "Several answers", "Each reader picks some of the options."),
        Term("ranked", "Ranking", "Readers put options in order; counted in rounds."),
        Term("rating", "Rating", "A number from 1 to 5, or to 10."),
        Term("reaction", "Reaction", "One emoji of a few."),
    )
}
VISIBILITIES = {
    term.value: term
    for term in (
        Term("always", "Everybody", "At any time.", "Readers see the results."),
        Term(
            "after_vote",
            "Those who voted",
            "Everybody else once it has closed.",
            "Readers see the results once they have voted.",
        ),
        Term(
            "after_close",
            "Nobody before it closes",
            "Then everybody.",
            "Readers see the results when the poll has closed.",
        ),
        Term("never", "Editors only", "Readers never see them.", "Readers never see the results."),
    )
}
OPTION_STATES = {
    "active": "can be chosen",
    "retired": "retired",
    "pending": "waits for an editor",
    "rejected": "rejected",
    "merged": "merged into another",
}
ORDERS = {"fixed": "the same for all", "shuffled": "shuffled for each reader"}
FIELDS = {
    "lang": "First language",
    "options": "Order of the options",
    "kind": "Kind",
    "picks": "Answers to pick",
    "least": "Answers at least",
    "most": "Answers at most",
    "scale": "Scale",
    "order": "Order for readers",
    "write_in": "Readers may write an answer",
    "visibility": "Who sees the results",
    "allow_change": "Readers may change their vote",
    "opens_at": "Opens",
    "closes_at": "Closes",
    "replaces": "Takes the place of",
    "replaced_by": "Replaced by",
}
OF_OPTION = {
    "label": "Option {}",
    "alt": "Image text of option {}",
    "emoji": "Emoji of option {}",
    "image": "Image of option {}",
    "retired": "Retired: option {}",
    "state": "State of option {}",
    "merged_into": "What option {} counts for",
}


def name_of(terms: dict[str, Term], value: str) -> str:
    """What a value is called; one that is not known stands for itself."""
    return terms[value].name if value in terms else value


REASONS: dict[str, str] = {
    Reason.PACE: "more than its network may cast",
    Reason.UNPROVEN: "without a proof of work",
    Reason.SUSPECTED: "held by an editor",
    Reason.AUTOMATED: "automated votes",
    Reason.REPEATED: "one person many times",
    Reason.TEST: "test votes",
}
"""Why ballots are held or excluded, to editors."""
OUTCOMES: dict[str, str] = {
    Status.COUNTED: "counted",
    Status.HELD: "held for review",
    Status.EXCLUDED: "excluded",
}
"""How ballots stand, to editors."""
