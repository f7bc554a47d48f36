"""The HTML that a site pastes into an article."""

from html import escape

from pollsvc.domain.poll import Poll


def embed_code(base_url: str, poll: Poll) -> str:
    """One script tag and one element; the link in it serves readers without JavaScript."""
    base, question = escape(base_url), escape(poll.question[poll.lang])
    return (
        f'<script async src="{base}/w/1.js"></script>\n'
        f'<pollsvc-poll poll="{poll.id}"><a href="{base}/p/{poll.id}">{question}</a></pollsvc-poll>'
    )
