"""What editors do with polls: define, schedule, place, correct, review, archive."""
