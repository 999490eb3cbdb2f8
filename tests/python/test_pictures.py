"""Test pictures: any text is shown and never run, and files are whole."""

from __future__ import annotations

import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oxbert
from oxbert.errors import InputError, MissingDependencyError
from oxbert.pictures import (
    Bar,
    Mark,
    Page,
    Picture,
    draw_attention,
    draw_candidates,
    map_vectors,
    mark_entities,
    shade_attention,
    shade_words,
    strength_of,
    visible,
)

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>&amp;" onmouseover="x\x00\x1b[31m\u202e</style>'
TEXT = st.text(
    st.one_of(st.sampled_from(list("<>&\"'\x00\x1b\n ")), st.characters(exclude_categories=["Cs"])), max_size=30
)


class Parsed(HTMLParser):
    """Collect the tags, the attributes and the text outside of notes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._notes = 0
        self._open: list[bool] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("span", "mark", "p"):
            is_hidden = ("class", "oxbert-note") in attrs
            self._open.append(is_hidden)
            self._notes += is_hidden

    def handle_endtag(self, tag: str) -> None:
        if tag in ("span", "mark", "p"):
            self._notes -= self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and not self._notes:
            self.text += data


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    text = draw(TEXT)
    places = st.integers(0, len(text) + 2)
    mark = st.builds(Mark, places, places, st.floats(0, 1), TEXT, TEXT, TEXT)
    bar = st.builds(Bar, TEXT, st.floats(0, 1))
    return Picture(
        text, tuple(draw(st.lists(mark, max_size=4))), tuple(draw(st.lists(st.tuples(bar, bar), max_size=2)))
    )


@given(picture=pictures())
def test_any_text_is_shown_whole_and_only_known_tags_are_written(picture: Picture) -> None:
    assert "".join(piece for piece, _ in picture.pieces()) == visible(picture.text)
    parsed = Parsed(picture.fragment())
    assert parsed.tags <= {"div", "p", "mark", "span", "table", "tr", "th", "td"}
    assert parsed.attributes <= {"class", "style", "title", "dir"}
    # A parser normalises nothing in the text of a paragraph.
    assert parsed.text.startswith(visible(picture.text))


def test_hostile_text_is_text(tmp_path: Path) -> None:
    picture = Picture(HOSTILE, (Mark(0, 8, 1.0, HOSTILE, HOSTILE, HOSTILE),), ((Bar(HOSTILE, 0.5),),))
    picture.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert "<script" not in page and "<img" not in page and "\x1b" not in page and "\x00" not in page
    assert page.count("</style>") == 1 and "\u202e" not in page
    assert Parsed(page).text.startswith(visible(HOSTILE))
    assert "http://" not in page and "https://" not in page and "default-src 'none'" in page
    assert picture._repr_html_() == picture.to_html()


@given(text=st.text())
def test_visible_keeps_offsets(text: str) -> None:
    assert len(visible(text)) == len(text) and visible(visible(text)) == visible(text)


def test_strength_is_zero_up_to_the_base_rate() -> None:
    assert strength_of(0.0) == strength_of(1 / 9) == 0 and strength_of(4 / 9) == strength_of(1.0) == 1


def test_answers_of_the_bundled_models_are_drawn(tmp_path: Path) -> None:
    text = "Returns the number of elements because the list."
    shaded = shade_words(text, oxbert.pipeline("replaced-token-detection", threshold=0)(text))
    assert [text[mark.start : mark.end] for mark in shaded.marks if mark.strength == 1] == ["because"]
    masked = "Return the number of [MASK] in the graph."
    [masks] = oxbert.FillMask.from_pretrained("electra-tiny-generator")([masked])
    candidates = draw_candidates(masked, masks)
    assert candidates.groups[0][0].label == "nodes"
    entities = mark_entities("Ada met $x_1$", [
        {"entity_group": "PER", "score": 0.9, "start": 0, "end": 3}, {"entity": "LOC", "score": 0.5, "start": 8, "end": 13},
    ])  # fmt: skip
    assert [mark.note for mark in entities.marks] == ["PER", "LOC"]
    assert entities.marks[0].colour != entities.marks[1].colour
    for number, picture in enumerate((shaded, candidates, entities, Picture(""), Picture("long " * 99 + "x" * 500))):
        picture.save(tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_bad_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"expected .html or .png at the end, got picture.gif"):
        Picture("a").save("picture.gif")
    page = Page(tmp_path / "a.html")
    page.add(Picture("a"))
    page.stop()
    assert not list(tmp_path.iterdir())
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r'needs matplotlib; run: pip install "oxbert\[pictures\]"'):
        Picture("a").save(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore:no font of this machine")
def test_attention_is_drawn_as_the_model_returns_it(tmp_path: Path) -> None:
    folder = "electra-tiny-discriminator"
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(folder)
    text = f"{HOSTILE} by \U0001f600"
    for tensors in ("np", "pt"):
        inputs = tokenizer([text], return_tensors=tensors)
        attentions = oxbert.ElectraForPreTraining.from_pretrained(folder)(**inputs, output_attentions=True).attentions
        grid = draw_attention(attentions)
        assert grid.weights.shape == (4, 3, len(inputs["input_ids"][0]), len(inputs["input_ids"][0]))
        np.testing.assert_allclose(grid.weights.sum(axis=-1), 1, atol=1e-5)
    parsed = Parsed(grid.fragment())
    assert parsed.tags == {"div", "svg", "g", "rect", "text"}
    # A frame for each head, and a square for each weight that is seen.
    assert grid.fragment().count("<rect") == 12 + int((grid.weights >= 0.02).sum())

    encoding = tokenizer(text).encodings[0]
    token = encoding.tokens.index("by")
    picture = shade_attention(text, encoding, attentions[1][0, 2], token)
    spans = [span for span, special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True) if not special]
    assert [(mark.start, mark.end) for mark in picture.marks] == spans
    shown = [float(mark.hint) for mark in picture.marks] + [bar.value for bar in picture.groups[0]]
    assert abs(sum(shown) - 1) < 1e-2 and [mark.tone for mark in picture.marks].count("attends") == 1
    assert "<script" not in picture.to_html()
    for drawing, name in [(grid, "grid"), (picture, "words")]:
        drawing.save(tmp_path / f"{name}.html")
        drawing.save(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
        assert drawing._repr_html_() == drawing.to_html()

    for bad in ([], [np.ones((2, 3, 3)), np.ones((1, 3, 3))], [np.ones((2, 3))], [np.full((1, 2, 2), np.nan)],
                [np.ones((1, 129, 129))], [np.ones((2, 1, 3, 3))]):  # fmt: skip
        with pytest.raises(InputError):
            draw_attention(bad)
    for weights, token in [(np.eye(3), 0), (np.eye(len(encoding.tokens)), len(encoding.tokens))]:
        with pytest.raises(InputError):
            shade_attention(text, encoding, weights, token)


@given(
    vectors=arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.floats(-1e300, 1e300)),
    data=st.data(),
)
def test_any_vectors_are_mapped(vectors: np.ndarray, data: st.DataObject) -> None:
    count = len(vectors)
    labels = data.draw(st.lists(TEXT, min_size=count, max_size=count))
    drawn = map_vectors(vectors, labels, data.draw(st.sampled_from([(), tuple(labels)])))
    assert drawn.points.shape == (count, 2) and np.abs(drawn.points).max() <= 1 and 0 <= drawn.kept <= 1 + 1e-9
    assert np.isfinite(drawn._places()).all()
    parsed = Parsed(drawn.fragment())
    assert parsed.tags == {"div", "svg", "circle", "text"}


def test_a_map_keeps_the_distances_of_vectors_in_a_plane(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    plane = random.normal(size=(9, 2))
    turned = plane @ np.linalg.qr(random.normal(size=(5, 2)))[0].T + 7
    drawn = map_vectors(turned, [HOSTILE] * 9, ["a", "b", ""] * 3)
    assert abs(drawn.kept - 1) < 1e-9

    def distances(points: np.ndarray) -> np.ndarray:
        all_pairs = np.linalg.norm(points[:, None] - points[None], axis=-1)
        return np.asarray(all_pairs / all_pairs.max())

    np.testing.assert_allclose(distances(drawn.points), distances(plane), atol=1e-9)
    # A shifted or turned set of vectors has the same map.
    np.testing.assert_allclose(np.abs(map_vectors(plane, [""] * 9).points), np.abs(drawn.points), atol=1e-9)
    drawn.save(tmp_path / "map.html")
    drawn.save(tmp_path / "map.png")
    page = (tmp_path / "map.html").read_text("utf-8")
    assert page.count("<circle") == 9 and "<script" not in page and "<img" not in page and "\x1b" not in page
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG\r\n")
    for vectors, labels, groups in [
        ([[1.0, float("nan")]], ["a"], ()), ([1.0], ["a"], ()), (plane, ["a"], ()), (plane, ["a"] * 9, ["b"]),
        (np.zeros((0, 3)), [], ()),
    ]:  # fmt: skip
        with pytest.raises(InputError):
            map_vectors(vectors, labels, groups)
    with pytest.raises(InputError, match=r"\.html or \.png"):
        drawn.save(tmp_path / "map.svg")


def test_other_fonts_are_used_for_characters_that_one_lacks(tmp_path: Path) -> None:
    """A new font has two letters of private use, as triangles; nobody has the third."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from matplotlib import font_manager

    letters, nobody = "\ue8a1\ue8a2", "\ue8a3"
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    pen.lineTo((500, 800))
    pen.lineTo((900, 0))
    pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "triangle"])
    font.setupCharacterMap({ord(letter): "triangle" for letter in letters})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "triangle": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (1000, 0), "triangle": (1000, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Oxbert Triangles", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "triangles.ttf")
    with pytest.warns(UserWarning, match=f"no font of this machine has {letters[0]} {letters[1]}, drawn as boxes"):
        Picture(f"one {letters}").save(tmp_path / "boxes.png")
    known = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "triangles.ttf")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Picture(f"one {letters}").save(tmp_path / "drawn.png")
        with pytest.warns(UserWarning, match=f"no font of this machine has {nobody}, drawn"):
            Picture(f"one {letters}{nobody}").save(tmp_path / "both.png")
    finally:
        font_manager.fontManager.ttflist[:] = known
    assert (tmp_path / "boxes.png").read_bytes() != (tmp_path / "drawn.png").read_bytes()
