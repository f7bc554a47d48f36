"""The pages of polls: list, form, corrections, articles, write-ins, history, export."""
