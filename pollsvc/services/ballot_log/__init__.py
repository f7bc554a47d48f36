"""The log of ballots: keys and receipts, sealing, proofs."""
