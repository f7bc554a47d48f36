"""What the program does, between the rules of `domain` and the tables of `storage`."""
