"""Draw results of pipelines: words shaded by probability, candidates as bars, entities highlighted, attention, vectors.

A picture is shown by notebooks, and saved as HTML, which needs no other file, or as PNG, which needs matplotlib.
"""

from oxbert.pictures._marks import Bar, Mark
from oxbert.pictures._picture import Picture
from oxbert.pictures.attention import AttentionGrid, draw_attention, shade_attention
from oxbert.pictures.draw import draw_candidates, mark_entities, shade_words
from oxbert.pictures.page import Page, Sheet
from oxbert.pictures.vectors import VectorMap, map_vectors
from oxbert.pictures.words import BASE_RATE, strength_of, visible

__all__ = [
    "BASE_RATE",
    "AttentionGrid",
    "Bar",
    "Mark",
    "Page",
    "Picture",
    "Sheet",
    "VectorMap",
    "draw_attention",
    "draw_candidates",
    "map_vectors",
    "mark_entities",
    "shade_attention",
    "shade_words",
    "strength_of",
    "visible",
]
