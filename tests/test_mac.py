"""HMAC-SHA256 as votes take it."""

import hmac

from hypothesis import example, given
from hypothesis import strategies as st

from pollsvc.domain.mac import mac


@given(st.binary(max_size=200), st.binary(max_size=200))
@example(b"", b"")
@example(b"k" * 64, b"as long as a block")
@example(b"k" * 65, b"longer than a block, and hashed first (RFC 2104, section 2)")
def test_it_is_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    of_key = mac(key)
    assert [of_key(message), of_key(message)] == [hmac.digest(key, message, "sha256")] * 2
