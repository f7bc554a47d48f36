"""What `make bench` runs: each row of speed beside its reference, in one run on one machine."""
