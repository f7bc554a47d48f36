"""Who may edit: passwords, sessions, API keys, and the log of what they did."""
