"""Compare the speed and memory of oxbert with its peers, on the same weights: `python -m benches`."""
