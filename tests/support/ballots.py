"""Ballots that did not go through admission."""

from pollsvc.domain.ballot import COUNTS, Admitted

ADMITTED = {
    "counted": COUNTS,
    "held": Admitted("held", "pace", "abcdefghij"),
    "excluded": Admitted("excluded", "test", "abcdefghij"),
}
"""What admission, or an editor, would have said of ballots of a status."""
