"""Pure values and rules of polls and votes; no input or output happens here."""
