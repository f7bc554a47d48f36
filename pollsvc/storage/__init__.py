"""Every SQL statement, and the only importer of `databases`."""
