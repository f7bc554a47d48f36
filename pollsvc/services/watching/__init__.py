"""What editors watch: votes over time, shares, pace, and what is moving."""
