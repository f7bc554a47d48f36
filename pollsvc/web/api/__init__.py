"""The editors' work as an HTTP interface for other programs, `/api/v1/admin`."""
