"""Extract clean English technical prose from the docstrings and comments of installed Python packages.

The sources are the Python standard library and the packages in ``PACKAGES``. Every multi-line string literal (which
covers docstrings and the strings that extension modules attach to their functions) and every block comment is cut into
paragraphs; code, tables, rules and other non-prose are dropped, and so is every paragraph seen before. Whole files are
held out for evaluation, chosen by a hash of their relative path, so the split is the same on every machine.

Output: ``train.txt`` and ``heldout.txt``, one paragraph per line, a blank line after each source file, and
``corpus.json`` with the counts.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.util
import io
import json
import re
import sysconfig
import textwrap
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("numpy", "scipy", "sklearn", "networkx", "sympy", "torch")
HELDOUT_PER_MILLE = 20
SKIPPED_PARTS = frozenset({"site-packages", "dist-packages", "__pycache__", "lib2to3", "_vendor", "_vendored"})

PROSE_DIRECTIVES = frozenset(
    {"note", "warning", "tip", "important", "seealso", "deprecated", "versionadded", "versionchanged"}
)
STOPWORDS = frozenset(
    "a an the of to in is are be if and or for with by on as at from this that these those it its not which when was "
    "will can may must should has have used use all any each no only one than then their there into but".split()
)
BULLET = re.compile(r"^(?:[-*+•]|\(?\d{1,2}[.)]|\([a-z]\))\s+")
DIRECTIVE = re.compile(r"^\.\.\s+([\w:-]+)::\s*(.*)$")
FIELD = re.compile(r"^:(?:param|type|return|returns|rtype|raises|arg|keyword|ivar|var)\b[^:]*:\s*")
NUMPY_PARAMETER = re.compile(r"^[*\w\\][\w\s,.*\\]{0,60} ?: .*$|^[*\w\\]+$")
GOOGLE_PARAMETER = re.compile(r"^[*`]*\w[\w*., ]{0,40}[*`]*\s*(?:\([^)]*\)+)?\s*:\s+(?=\S)")
INLINE_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r":[\w:+-]+:`+[~!]?(?:[^`<]*<)?([^`<>]+?)>?`+"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{0,2}"), r"\1"),
    (re.compile(r"\s*\[[\w#*-]{1,20}\]_"), ""),
    (re.compile(r"\\ "), ""),
    (re.compile(r"`+"), ""),
    (re.compile(r"\*{1,2}([^*\s][^*]*?)\*{1,2}"), r"\1"),
    (re.compile(r"\b(?:https?|ftp)://\S+"), ""),
    (re.compile(r"\s+"), " "),
)
WORD = re.compile(r"[A-Za-z]+")
CODE_MARK = re.compile(r"[=|<>{}\\~^@]|\b_|_\b|--|__|\(\)\s*\(|[;,]\s*$")
MATH_ROLE = re.compile(r":math:`|\\\w+\{|\\[a-z]{2,}|\$")


def source_files() -> Iterator[tuple[str, Path]]:
    """Yield ``(relative name, path)`` of every source file in a fixed order; test suites are left out."""
    roots = [("python", Path(sysconfig.get_paths()["stdlib"]))]
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"the corpus needs the package {package!r}: see README.md")
        roots.append((package, Path(spec.origin).parent))
    for name, root in roots:
        for path in sorted(root.rglob("*.py")):
            relative = path.relative_to(root)
            parts = set(relative.parts)
            if parts & SKIPPED_PARTS or any(part in ("test", "tests", "idle_test") for part in relative.parts):
                continue
            yield f"{name}/{relative.as_posix()}", path


def is_held_out(name: str) -> bool:
    """Return whether a file is held out: a pure function of its relative name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 1000 < HELDOUT_PER_MILLE


def raw_texts(source: str) -> Iterator[str]:
    """Yield the multi-line string literals and block comments of one source file in order of appearance."""
    found: list[tuple[int, str]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str()) as literal):
                    docstrings.add(id(literal))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if "\n" in node.value or id(node) in docstrings:
            first_line, _, rest = node.value.expandtabs().partition("\n")
            found.append((node.lineno, first_line.strip() + "\n" + textwrap.dedent(rest)))
    block: list[str] = []
    previous = -2
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or token.line.strip() != token.string:
            continue
        if token.start[0] != previous + 1 and block:
            found.append((previous, textwrap.dedent("\n".join(block))))
            block = []
        block.append(token.string.lstrip("#:!"))
        previous = token.start[0]
    if block:
        found.append((previous, textwrap.dedent("\n".join(block))))
    for _, text in sorted(found, key=lambda item: item[0]):
        yield text


def paragraphs(text: str) -> Iterator[str]:
    """Cut one docstring or comment into candidate paragraphs, without code, directives and doctests."""
    buffer: list[str] = []
    buffer_indent = 0
    skip_deeper_than: int | None = None
    in_doctest = False

    def flush() -> Iterator[str]:
        if buffer:
            yield " ".join(buffer)
            buffer.clear()

    for line in text.split("\n"):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped:
            in_doctest = False
            yield from flush()
            continue
        if skip_deeper_than is not None:
            if indent > skip_deeper_than:
                continue
            skip_deeper_than = None
        if stripped.startswith((">>>", "In [", "$ ")):
            in_doctest = True
        if in_doctest:
            yield from flush()
            continue
        directive = DIRECTIVE.match(stripped)
        if directive or stripped.startswith(".. "):
            yield from flush()
            if directive is None or directive.group(1) not in PROSE_DIRECTIVES:
                skip_deeper_than = indent
            elif directive.group(1) == "note" and directive.group(2):
                buffer.append(directive.group(2))
                buffer_indent = indent
            continue
        bullet = BULLET.match(stripped)
        if bullet or FIELD.match(stripped) or (buffer and indent != buffer_indent):
            yield from flush()
            stripped = FIELD.sub("", BULLET.sub("", stripped))
        if not buffer:
            buffer_indent = indent + (len(bullet.group(0)) if bullet else 0)
        if stripped.endswith("::"):
            skip_deeper_than = indent
            stripped = stripped[:-1]
        buffer.append(stripped)
    yield from flush()


def clean(paragraph: str) -> str | None:
    """Return the paragraph as plain sentences, or ``None`` when it does not read like English prose."""
    if MATH_ROLE.search(paragraph) or NUMPY_PARAMETER.match(paragraph) and not paragraph.endswith("."):
        return None
    for pattern, replacement in INLINE_REWRITES:
        paragraph = pattern.sub(replacement, paragraph)
    paragraph = GOOGLE_PARAMETER.sub("", paragraph.strip()).strip(" -=~_")
    if not paragraph or not paragraph.isascii() or not 20 <= len(paragraph) <= 4000 or paragraph[-1] not in ".!?:":
        return None
    words = WORD.findall(paragraph)
    if len(words) < 4 or not paragraph[0].isalpha():
        return None
    letters = sum(character.isalpha() or character == " " for character in paragraph)
    if letters < (0.94 if CODE_MARK.search(paragraph) else 0.88) * len(paragraph):
        return None
    if sum(word.lower() in STOPWORDS for word in words) < 0.15 * len(words):
        return None
    return paragraph[0].upper() + paragraph[1:]


def main() -> None:
    """Write the two text files and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for train.txt, heldout.txt and corpus.json")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)

    files = list(source_files())
    # Training files come first, so that a paragraph that occurs in both kinds of files is not held out.
    files.sort(key=lambda item: is_held_out(item[0]))
    seen: set[str] = set()
    counts = {split: {"files": 0, "paragraphs": 0, "bytes": 0, "words": 0} for split in ("train", "heldout")}
    by_source: dict[str, int] = {}
    handles = {split: (output / f"{split}.txt").open("w", encoding="utf-8") for split in counts}
    for name, path in files:
        try:
            texts = list(raw_texts(path.read_text(encoding="utf-8")))
        except (SyntaxError, UnicodeDecodeError, tokenize.TokenError, ValueError):
            continue
        kept: list[str] = []
        for text in texts:
            for candidate in paragraphs(text):
                paragraph = clean(candidate)
                key = "".join(WORD.findall(paragraph.lower())) if paragraph else ""
                if paragraph and key not in seen:
                    seen.add(key)
                    kept.append(paragraph)
        if not kept:
            continue
        split = "heldout" if is_held_out(name) else "train"
        block = "\n".join(kept) + "\n\n"
        handles[split].write(block)
        counts[split]["files"] += 1
        counts[split]["paragraphs"] += len(kept)
        counts[split]["bytes"] += len(block)
        counts[split]["words"] += len(block.split())
        source = name.split("/")[0]
        by_source[source] = by_source.get(source, 0) + len(block)
    for handle in handles.values():
        handle.close()
    summary = {"splits": counts, "bytes_by_source": by_source}
    (output / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
