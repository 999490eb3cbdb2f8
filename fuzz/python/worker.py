"""Run cases in this process, one after the other, and report what is not allowed, one JSON line each."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
import traceback
import warnings
from typing import Any

from fuzz.python.calls import find_targets, make_case
from fuzz.python.values import SETUP

ALLOWED = (ValueError, TypeError, NotImplementedError)
"""`NotImplementedError` is what torch and transformers raise for what a class does not offer."""

MEMORY = 12 << 30
"""Bytes of address space, so that an absurd size is an error rather than the end of the machine."""


def main(seed: int, first: int, count: int) -> None:
    """Run the cases and print for each its number before it runs, and after it what was wrong."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    warnings.simplefilter("ignore")
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    # What a case prints must not mix with the reports.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        space: dict[str, Any] = {"folder": folder}
        exec(SETUP, space)
        _fill_folder(space, folder)
        targets = find_targets()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for number in range(first, first + count):
            target, case = make_case(targets, seed, number)
            reports.write(json.dumps({"begins": number}) + "\n")
            if fault := run(case, space, target.allowed):
                finding = {"number": number, "target": target.name, "case": case, "fault": fault}
                reports.write(json.dumps(finding) + "\n")
        reports.write(json.dumps({"done": count}) + "\n")
        os.chdir("/")


def run(case: str, space: dict[str, Any], allowed: tuple[type[Exception], ...] = ()) -> str | None:
    """Return what is wrong with the outcome of a case; None if nothing is. `allowed` are further exceptions."""
    from oxbert import OxbertError

    try:
        result = eval(case, dict(space))
        # Every value can be printed.
        repr(result)
    except (OxbertError, *ALLOWED, *allowed):
        return None
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        file = re.sub(r".*/(?=oxbert/|site-packages/)", "", place.filename)
        return f"{type(error).__name__}: {str(error)[:200]} ({file}:{place.lineno})"
    return None


def _fill_folder(space: dict[str, Any], folder: str) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "##a", "##b", "hello", "world", "the", "cat"]
    with open(f"{folder}/vocab.txt", "w") as file:
        file.write("\n".join([*words, *(f"[unused{n}]" for n in range(40 - len(words)))]))
    space["model"]("ElectraForMaskedLM").save_pretrained(folder)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
