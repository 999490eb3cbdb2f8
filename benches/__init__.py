"""oxbert against its peers, on the same weights, in one run: `python -m benches`. Never part of the tests."""
