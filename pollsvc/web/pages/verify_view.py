"""What the page needs on which readers check a receipt: `static/verify.js` does all else in their browser."""

import json

from pollsvc.domain.poll import Poll
from pollsvc.services.result_words import label_of
from pollsvc.services.words import Words

CHECKS = {
    "choice": "verify_choice",
    "signature": "verify_signature",
    "log": "verify_log",
    "grown": "verify_grown",
}
"""The checks in their order, each with its title."""
CHAIN = {"verify_you": "", "verify_ballot": "signature", "verify_sealed": "log", "verify_result": ""}
"""What the picture shows, from the reader to the result, each with the check that proves the way there."""
_SAID = {
    "waiting": "verify_waiting",
    "proven": "verify_proven",
    "not": "verify_not",
    "unknown": "verify_unknown",
    "counted": "verify_counted",
    "held": "verify_held",
    "excluded": "verify_excluded",
    "withdrawn": "verify_withdrawn",
    "insecure": "verify_insecure",
    "old_browser": "verify_old_browser",
    "altered": "verify_altered",
    "past": "verify_past",
    "replaced": "verify_replaced",
    "outdated": "verify_outdated",
    "signed": "verify_signed",
    "unsigned": "verify_unsigned",
    "sealing": "verify_sealing",
    "unsealed": "verify_unsealed",
    "logged": "verify_logged",
    "head_unsigned": "verify_head_unsigned",
    "base": "verify_base",
    "first_visit": "verify_first_visit",
    "grown": "verify_only_grown",
    "rewritten": "verify_rewritten",
    "forgets": "verify_forgets",
    "away": "verify_away",
    "good": "verify_good",
    "bad": "verify_bad",
    "partly": "verify_partly",
    "no_receipt": "verify_no_receipt",
}


def verify_data(poll: Poll, base_url: str, words: Words, lang: str) -> str:
    """The poll, where its log is, its answers by id, and what the script says, as JSON."""
    labels = {str(option.id): label_of(poll, option, words, lang).text for option in poll.options}
    said = {name: words.say(key) for name, key in _SAID.items()}
    return json.dumps({"poll": poll.id, "log": f"{base_url}/api/v1/log", "words": said, "labels": labels})
