"""What pollsvc is measured against: the least that could answer, and what one would write first."""
