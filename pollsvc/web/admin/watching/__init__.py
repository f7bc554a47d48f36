"""The dashboard and each poll's live page, with their charts."""
