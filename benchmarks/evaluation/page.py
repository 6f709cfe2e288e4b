"""The page: a line for each model, then its tables, pictures and card."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import imgedit as ie
from benchmarks.evaluation.data import Row

CARDS = Path(__file__).parent.parent.parent / "onnx_models" / "README.md"

HEAD = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<meta name=color-scheme content="light dark"><title>Every model through its verb</title><style>
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 1400px; padding: 0 1em }
figure { display: inline-block; margin: 4px; vertical-align: top }
figcaption { font-size: 13px; max-width: 420px }
img { max-width: 100%; display: block }
figure:not(.wide) img { max-width: 420px }
table { border-collapse: collapse; margin: 0.6em 0 }
td, th { padding: 2px 10px; border-bottom: 1px solid #8884; text-align: right }
td:first-child, th:first-child { text-align: left }
table.all td, table.all th { text-align: left }
.bad { color: #c33 }
h2 { margin: 2em 0 0 }
small { color: #888 }
pre { white-space: pre-wrap; font-size: 13px }
</style><h1>Every model through its verb</h1>
<p>Made by <code>make eval</code>. Figures are means; PSNR in dB of 8-bit pictures.</p>"""

# Pictures wider than this are sheets: they get a line of their own.
WIDE = 900


def write(found: list[Row], out: Path) -> None:
    """Write pictures, page and figures."""
    parts = [HEAD, _summary(found)]
    for number, row in enumerate(found):
        parts.append(f"<h2 id=m{number}>{html.escape(row.name)}</h2>")
        facts = ", ".join(f"{key} {_plain(value)}" for key, value in row.facts.items())
        parts.append(f"<small>{html.escape(facts)}</small>")
        parts.append(f"<p class={_state(row)}><b>{html.escape(row.verb)}</b>: {html.escape(row.verdict)}</p>")
        parts += [_table(title, lines) for title, lines in row.tables.items()]
        for index, (title, picture) in enumerate(row.pictures.items()):
            file = f"{number:02d}-{index:02d}.png"
            ie.write(out / file, picture)
            kind = " class=wide" if picture.shape[1] > WIDE else ""
            parts.append(f"<figure{kind}><img src={file} alt=''><figcaption>{html.escape(title)}</figcaption></figure>")
        if card := _card(row.name):
            parts.append(f"<details><summary>Card</summary><pre>{html.escape(card)}</pre></details>")
    (out / "index.html").write_text("\n".join(parts), encoding="utf-8")
    figures = {row.name: {"verdict": row.verdict, "good": row.good, **row.figures} for row in found}
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _summary(found: list[Row]) -> str:
    lines = [
        f"<tr class={_state(row)}><td><a href=#m{number}>{html.escape(row.name)}</a><td>{html.escape(row.verb)}"
        f"<td>{html.escape(row.verdict)}"
        for number, row in enumerate(found)
    ]
    return f"<table class=all><tr><th>model<th>verb<th>verdict{''.join(lines)}</table>"


def _state(row: Row) -> str:
    return "good" if row.good else "bad"


def _plain(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _table(title: str, lines: list[list[str]]) -> str:
    head, *rows = lines
    cells = [f"<tr>{''.join(f'<th>{cell}' for cell in head)}"]
    cells += [f"<tr>{''.join(f'<td>{cell}' for cell in row)}" for row in rows]
    return f"<p>{html.escape(title)}</p><table>{''.join(cells)}</table>"


def _card(name: str) -> str:
    """The model's part of the cards, which begins with a heading of its name."""
    parts = re.split(r"^## ", CARDS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next((part for part in parts if part.partition(":")[0].strip() == name), "")
