"""Signing in, accounts, keys and the log."""
