"""Reading polls out of other programs' files, so that a site can move here with its history."""
