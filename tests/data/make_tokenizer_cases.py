"""Write tokenizer_vocab.txt and tokenizer_cases.json: texts and the results of transformers' BertTokenizer.

Requires transformers 5.23 and tokenizers 0.23; the result does not depend on the machine:

    python tests/data/make_tokenizer_cases.py

Do not edit the two files by hand. tokenizer_cases.json has three lists:
  encode    text, pair, options (by default no pair, special tokens, no truncation), and the expected ids, types,
            offsets, words. The mask of special tokens and the sequence ids follow from types and words, which is
            checked here.
  refused   the same options, for which transformers raises a truncation error
  decode    ids, skip_special_tokens, clean_up and the expected text
"""

import json
import random
from pathlib import Path

from transformers import BertTokenizer

FOLDER = Path(__file__).parent
VOCABULARY = FOLDER / "tokenizer_vocab.txt"
CASES = FOLDER / "tokenizer_cases.json"

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = """the of and to a in is it that was for on with as are be this have from or one had by word but not what all were
we when your can said there use an each which she do how their if will up other about out many then them these so some her
would make like him into time has look two more write go see number no way could people my than first water been call who
oil its now find long down day did get come made may part over new sound take only little work know place year live me
back give most very after thing our just name good sentence man think say great where help through much before line right
too mean old any same tell boy follow came want show also around form three small set put end does another well large must
big even such because turn here why ask went men read need land different home us move try kind hand picture again change
off play spell air away animal house point page letter mother answer found study still learn should token mask model
Paris Hello World NASA naive cafe uber strasse istanbul don t s m re ve n't 's do""".split()
ENDINGS = "##s ##ed ##ing ##er ##est ##ly ##ness ##ment ##tion ##able ##ful ##th ##en ##t ##.".split()
RANGES = [
    (0x21, 0x7F), (0xA1, 0x180), (0x300, 0x30A), (0x391, 0x3CA), (0x430, 0x450), (0x5D0, 0x5EB), (0x1100, 0x1113),
    (0x1161, 0x1176), (0x11A8, 0x11C3), (0xAC00, 0xAC04), (0x2010, 0x2027), (0x3041, 0x3060), (0x4E00, 0x4E0A),
    (0x1F600, 0x1F608),
]  # fmt: skip
SINGLES = "각한글中文가힣ẞßİıſΩÅ‼€👍🏻❤️\u200d\U0002b820\U0002b920\U00020000豈か\u3099゙か、。「」！？"

# Each line groups texts of one difficulty.
TRAPS = [
    "", " ", "\t\n\r", "\0", "\ufffd", "Hello, World!", "the water's [MASK] word", "[mask] [MASK] [Mask]",
    "[CLS] a [SEP] b [PAD] [UNK]", "[[MASK]]", "[MASK", "MASK]", "[MA[MASK]SK]", "x[MASK]y", "[MASK][MASK]", "a[SEP]",
    "cafe\u0301 caf\xe9", "\u00c9\u00c8 \u00e0", "e\u0301\u0327e\u0327\u0301", "\u0301", "\u0301a", "a\u0344b", "\u0f73\u0f71\u0f74",
    "\u05b8\u05b0\u05d0\u05b8", "\u304b\u3099 \u304c", "\uac01 \ud55c\uae00 \uac00\ud7a3", "\u1100\u1161\u11a8", "\u4e2d\u6587\u5b57", "a\u4e2db", "\uf900\u2f800",
    "\U0002b820\U0002b91f", "\U0002b920\U0002ceaf", "\U00020000\U0002a6df\U0002a6e0", "\u4e2d\u0301", "\u3042\u3044 \u30ab\u30ac",
    "\u0130stanbul \u0131", "STRASSE stra\xdfe \u1e9e", "\u03a3\u03a3 \u03c3\u03c2 \u039f\u0394\u039f\u03a3", "\u01c5 \u01f0 \u0149 \ufb00 \ufb01", "\u212a \u2126 \u212b", "\u1f88\u1fbc\u03ca\u0390",
    "a\u2028b\u2029c", "a\u00a0b\u3000c\u2003d\u202fe", "a\u200bb\u200cc\u200dd\u2060e\ufefff", "a\xadb", "a\x85b\x0bc\x0cd\x1ce\x7ff", "a\u180eb\u1680c\u205fd",
    "\ue000a\U000f0000b\U0010fffdc", "\U000e0001\U000e0020a", "a\u0378b\u2065c", "\u061c\u200e\u200f\u202a", "\U0001d15e\U0001d165", "\u0600\u06dd\u070f\U000110bd",
    "\U0001f600", "\U0001f44d\U0001f3fb\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f a", "\U0001f1e9\U0001f1ea",
    "don't can't it's I'm we're I've", "a . b , c ! d ?", "...", "$5.00 + 3% = ^x^ `y` ~z~ |", "\u2014\u2013\u2026\u2018\u2019\u201c\u201d", "\u037e\u0387\u1fef", "\u00bf\u00a1\u00ab\u00bb\u00a7\u00b6\u00b7",
    "\u2460\u24b6\uff21\uff41\uff01\uff1f", "\u0966\u0967 \u0905\u0928\u094d", "##a", "a##b", "# #a ## ##", "words worded wording worder wordest", "wordx", "xword",
    "a" * 99, "a" * 100, "a" * 101, "a" * 50 + "\xe9" * 50, "\uac01" * 33, "\uac01" * 34, "\xe9" * 100, "e\u0301" * 100, "e\u0301" * 101, "\u0130" * 50, "\u0130" * 51, "\u0130" * 101,
    "Paris PARIS paris", "naive na\xefve NA\xcfVE", "\u1e69 s\u0323\u0307 s\u0307\u0323", "\u00c5 A\u030a \u212b", "\U00010400\U00010428", "\u13a0\uab70\u13f8", "\ua64a\u1c88", "\ua7cb\ua7da\u019b",
    "the end.", "one two\nthree\tfour\r\nfive", " leading and trailing ", "UPPER lower MiXeD", "\U0010ffff\ufdd0", "\u0000a\u0000", "a\ufffdb", "\u0483\u20dd\u0903 \u093e",
]  # fmt: skip


def settings(lower, strip, chinese):
    return {"do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": chinese}


def expected(tokenizer, case):
    keywords = {}
    if case["truncation"]:
        keywords = {"truncation": case["truncation"], "max_length": case["max_length"]}
    # Lists of one, because transformers ignores a single empty pair.
    rows = tokenizer(
        [case["text"]], None if case["pair"] is None else [case["pair"]], add_special_tokens=case["special"],
        return_offsets_mapping=True, return_special_tokens_mask=True, **keywords,
    )  # fmt: skip
    types, words, mask = rows["token_type_ids"][0], rows.encodings[0].word_ids, rows["special_tokens_mask"][0]
    assert mask == [int(word is None) for word in words]
    assert rows.encodings[0].sequence_ids == [
        None if hidden else kind for hidden, kind in zip(mask, types, strict=True)
    ]
    return {
        "ids": rows["input_ids"][0],
        "types": types,
        "offsets": rows["offset_mapping"][0],
        "words": words,
    }


def main():
    draw = random.Random(20)
    tokens = SPECIAL + WORDS + ENDINGS
    for character in [chr(code) for begin, end in RANGES for code in range(begin, end)] + list(SINGLES):
        if not character.isspace():
            tokens += [character, "##" + character]
    VOCABULARY.write_text("\n".join(dict.fromkeys(tokens)) + "\n", encoding="utf-8", newline="\n")

    choices = [settings(*flags) for flags in [
        (True, None, True), (False, None, True), (True, False, True), (False, True, True), (True, None, False),
    ]]  # fmt: skip
    tokenizers = [BertTokenizer(str(VOCABULARY), **choice) for choice in choices]
    cases = []
    for index, text in enumerate(TRAPS):
        for which in (0, 1, 2 + index % 3):
            cases.append((which, {"text": text, "pair": None, "special": True, "truncation": None, "max_length": None}))
    for _ in range(90):
        text, pair = (" ".join(draw.sample(TRAPS[5:40] + TRAPS[60:70], draw.randint(0, 2)))[:60] for _ in range(2))
        strategy = draw.choice(["longest_first", "longest_first", "only_first", "only_second"])
        case = {"text": text, "pair": draw.choice([pair, pair, None]), "special": draw.random() < 0.8}
        cases.append((draw.randrange(5), case | {"truncation": strategy, "max_length": draw.randint(3, 24)}))
    for lengths in [(0, 9), (9, 0), (3, 9), (9, 3), (9, 9), (4, 5), (5, 4), (1, 30), (30, 1)]:
        for maximum in (3, 4, 7, 8, 11):
            case = {"text": "a " * lengths[0], "pair": "b " * lengths[1], "special": True}
            cases.append((0, case | {"truncation": "longest_first", "max_length": maximum}))

    result = {"settings": choices, "encode": [], "refused": [], "decode": []}
    for which, case in cases:
        case = {"settings": which} | case
        try:
            result["encode"].append(case | expected(tokenizers[which], case))
        except Exception as error:
            if "Truncation error" not in str(error):
                raise
            result["refused"].append(case)
    tokenizer = tokenizers[0]
    vocabulary = tokenizer.get_vocab()
    favourites = [
        vocabulary[token] for token in ". , ! ? ' n't 's do not s t ##. ##s ##t [SEP] [PAD] [MASK] [UNK] the".split()
    ]
    for _ in range(60):
        ids = [
            draw.choice([draw.choice(favourites), draw.randrange(len(vocabulary))]) for _ in range(draw.randint(0, 9))
        ]
        skip, clean = draw.random() < 0.5, draw.random() < 0.5
        text = tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=clean)
        result["decode"].append({"ids": ids, "skip_special_tokens": skip, "clean_up": clean, "text": text})

    usual = {"pair": None, "special": True, "truncation": None, "max_length": None}
    for entries in (result["encode"], result["refused"]):
        entries[:] = [
            {key: value for key, value in entry.items() if key not in usual or value != usual[key]} for entry in entries
        ]
    lists = [
        f'"{name}": [\n' + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "\n]"
        for name, entries in result.items()
    ]
    CASES.write_text("{\n" + ",\n".join(lists) + "\n}\n", encoding="utf-8", newline="\n")
    print(
        {name: len(entries) for name, entries in result.items()},
        CASES.stat().st_size + VOCABULARY.stat().st_size,
        "bytes",
    )


if __name__ == "__main__":
    main()
