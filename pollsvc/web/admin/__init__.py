"""The editors' admin: server-rendered pages under `/admin`."""
