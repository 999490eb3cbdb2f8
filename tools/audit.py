"""Check what cargo-deny cannot: that code which an advisory is about is not compiled in, and Python's licences.

python tools/audit.py
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

import oxbert

UNREACHED = {"protobuf-": "RUSTSEC-2024-0437"}
"""Crates that are dependencies only, by the advisory that deny.toml ignores for that reason."""


def check_module() -> list[str]:
    """Return the faults of the compiled module. The places of Rust's panics name the crates whose code is in it."""
    content = Path(oxbert._native.__file__).read_bytes()
    if b"/prost-" not in content:
        return [f"{oxbert._native.__file__} names no crates, so nothing can be said about them"]
    return [
        f"code of {name.rstrip('-')} is in {oxbert._native.__file__}, so {advisory} may apply"
        for name, advisory in UNREACHED.items()
        if f"/{name}".encode() in content
    ]


def dependencies(name: str, seen: dict[str, importlib.metadata.Distribution]) -> None:
    """Add a distribution and all that it requires, without extras, to `seen`."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    try:
        distribution = seen[key] = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            dependencies(requirement.name, seen)


def licence(distribution: importlib.metadata.Distribution) -> str:
    """Return the licence that the metadata state, in the newest of the three ways."""
    metadata = distribution.metadata
    classifiers = [
        line.rsplit(" :: ", 1)[1] for line in metadata.get_all("Classifier", []) if line.startswith("License")
    ]
    stated = metadata.get("License-Expression") or " / ".join(classifiers) or metadata.get("License") or "unknown"
    return stated.splitlines()[0]


def main() -> None:
    """Print the licences of Python's dependencies, and exit with 1 if there is a fault."""
    seen: dict[str, importlib.metadata.Distribution] = {}
    dependencies("oxbert", seen)
    for name, distribution in sorted(seen.items()):
        print(f"{name:32} {distribution.version:14} {licence(distribution)}")
    faults = check_module()
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
