"""Call every public callable of the package with generated arguments.

`make fuzz-python` runs it. A case is a Python expression, made from the seed and its number alone, so that a finding
can be repeated by itself. Only a value, an `OxbertError`, a `ValueError` or a `TypeError` may come of it; a crash, a
hang, or any other exception is a finding.
"""
