"""Telling a site's own systems of its polls: endpoints, a durable outbox, signed and retried delivery."""
