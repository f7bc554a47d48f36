"""pollsvc: reader polls for news articles, with one signed vote per reader and live results."""

__version__ = "0.1.0"
