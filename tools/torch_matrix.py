"""Run all tests on several releases of torch, and write the results into docs/torch.md.

    python tools/torch_matrix.py 2.11 2.13 2.15

Each release has an environment and a build folder of its own (see the Makefile). The output of each run is kept in
target/torch-matrix/.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "target" / "torch-matrix"
PAGE = ROOT / "docs" / "torch.md"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"


def run(release: str) -> list[str]:
    """Run `make test` on a release, and return a row of the table."""
    log = LOGS / f"{release}.log"
    texts, passed = [], True
    began = time.monotonic()
    for target in ("test-rust", "test-python"):
        command = ["make", target, f"TORCH={release}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        texts.append(done.stdout + done.stderr)
        passed &= done.returncode == 0
    minutes = (time.monotonic() - began) / 60
    log.write_text("".join(texts), encoding="utf-8")
    version = re.search(r"^torch: ([^,\s]+)", texts[1], re.MULTILINE)
    return [
        version[1] if version else release,
        "passed" if passed else "failed",
        rust_results(texts[0]),
        python_results(texts[1]),
        f"{minutes:.0f} min",
    ]


def rust_results(text: str) -> str:
    """Return what `cargo test` counted, over all its binaries."""
    counts = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.MULTILINE)
    passed, failed = (sum(int(count[place]) for count in counts) for place in (0, 1))
    return f"{passed:,} passed" + (f", {failed:,} failed" if failed or not counts else "")


def python_results(text: str) -> str:
    """Return the last line of pytest, without the time."""
    found = re.findall(r"^=+ (.*) in [\d.]+s.* =+$", text, re.MULTILINE)
    return re.sub(r"(\d+)", lambda number: f"{int(number[1]):,}", found[-1]) if found else "not run"


def main() -> None:
    """Run the releases that the command line names."""
    releases = sys.argv[1:]
    if not releases or not all(re.fullmatch(r"2\.\d+", release) for release in releases):
        sys.exit(f"expected releases of torch such as 2.11 2.15, got {releases}")
    LOGS.mkdir(parents=True, exist_ok=True)
    header = ["torch", "result", "Rust's tests", "Python's tests", "time"]
    rows = []
    for release in releases:
        rows.append(run(release))
        print(" | ".join(rows[-1]), flush=True)
    lines = [" | ".join(header), " | ".join(["---"] * len(header)), *map(" | ".join, rows)]
    table = "".join(f"| {line} |\n" for line in lines)
    where = f"Run on {datetime.date.today()} with Python {platform.python_version()}, {platform.system()}.\n\n"
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + where + table + END + rest.split(END)[1], encoding="utf-8")
    if any(row[1] != "passed" for row in rows):
        sys.exit(f"some tests failed; see {LOGS}")


if __name__ == "__main__":
    main()
