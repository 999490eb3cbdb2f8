"""Define the colours of pictures, and the style of their HTML."""

from __future__ import annotations

TONES = ("220,50,40", "30,120,220", "20,140,70", "170,80,200", "200,120,0", "0,140,150", "200,50,120", "110,110,120")
"""Colours as red, green, blue, laid transparently over a page that may be light or dark; the first is the shade."""
SHADE = 0.75
"""How opaque the strongest colour is."""
STYLE = """
.oxbert-picture { margin: 0.6em 0; line-height: 1.5; font-family: system-ui, sans-serif; color: inherit; }
.oxbert-text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.oxbert-mark { border-radius: 0.3em; padding: 0.05em 0.1em; color: inherit; unicode-bidi: isolate;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.oxbert-note { font-size: 0.68em; opacity: 0.8; margin-left: 0.3em; font-variant-numeric: tabular-nums;
  unicode-bidi: isolate; }
.oxbert-bars { border-collapse: collapse; margin: 0.3em 0 0.6em 1em; }
.oxbert-bars td, .oxbert-bars th { padding: 0.05em 0.6em 0.05em 0; border: 0; text-align: left; font-weight: normal; }
.oxbert-bars td.oxbert-value { text-align: right; font-variant-numeric: tabular-nums; }
.oxbert-bar { display: inline-block; height: 0.8em; border-radius: 0.15em; vertical-align: baseline; }
.oxbert-track { width: 12em; }
"""

__all__ = ["SHADE", "STYLE", "TONES"]
