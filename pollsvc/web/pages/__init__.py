"""Readers' pages, whole without JavaScript: a poll's form, result and history, and a site's polls."""
