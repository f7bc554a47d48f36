"""HTTP in and out: bytes to a service and back."""
