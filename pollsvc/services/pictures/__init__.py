"""Pictures of results, for newsletters and for those who show links: what is on them, drawn and kept."""
