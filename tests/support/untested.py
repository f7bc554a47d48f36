"""What this machine does not permit is not tested here, and that is said; in CI it is a failure."""

import os
from typing import NoReturn

import pytest


def untested(what: str, error: Exception) -> NoReturn:
    """Skip the test, or raise the error where `CI` is set; `what` cannot be done."""
    if os.environ.get("CI"):
        raise error
    pytest.skip(f"NOT TESTED: {what} ({error}); run this as root")
