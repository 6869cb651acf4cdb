"""The chart of a run: how many times longer than ingot each library takes."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from ingot.bench.contenders import LABELS
from ingot.bench.report import duration, times
from ingot.bench.results import Results, Row

__all__ = ["plot"]

COLOURS = {
    "mlx": "#9b8cc9",
    "torch": "#ee7f4b",
    "jax": "#4a9db8",
    "numpy": "#b9b9b9",
}
INK, SOFT, GRID, WORSE = "#23262b", "#70747d", "#e3e4e8", "#b3382c"
TITLES = {
    "step": "Optimizer steps",
    "init": "Initializers",
    "clip": "Clipping",
    "tree": "Trees",
    "ops": "Operations",
    "overhead": "Overhead",
    "train": "Training steps",
}
BAR, GAP = 0.13, 0.17  # inches
HEAD = 0.34  # of a panel
MARGIN = 1.35, 0.7  # above and below all panels


def plot(results: Results, path: Path) -> None:
    """Draw the headlines, or every case where there are none, to a PNG file.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise ImportError(
            "bench: --plot needs matplotlib: pip install 'ingot[bench]'"
        ) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in results.rows if row.median("ingot") and row.peers()]
    shown = [row for row in rows if row.headline] or rows
    panels = [(name, list(group)) for name, group in groupby(shown, lambda r: r.suite)]
    columns = _columns(panels)
    height = max((sum(map(_height, column)) for column in columns), default=1.0)
    height += sum(MARGIN)
    ratios = [r.speed_up(p) or 1 for r in shown for p in r.peers()]
    span = min([0.5, *ratios]) / 1.9, max([2.0, *ratios]) * 2.4
    style = {"font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK}
    with pyplot.rc_context(style):
        figure = pyplot.figure(figsize=(7.4 * len(columns), height))
        for i, column in enumerate(columns):
            top = height - MARGIN[0]
            for j, (name, group) in enumerate(column):
                left = (i + 0.31) / len(columns)
                tall = _height((name, group))
                place = (left, (top - tall) / height, 0.67 / len(columns))
                axis = figure.add_axes((*place, (tall - HEAD) / height))
                axis.set_xscale("log")
                axis.set_xlim(span)
                _panel(axis, name, group, last=j == len(column) - 1)
                top -= tall
        _surround(figure, results, shown, height, len(columns))
        figure.savefig(path, dpi=140, facecolor="white")
        pyplot.close(figure)


Panel = tuple[str, list[Row]]


def _columns(panels: list[Panel]) -> list[list[Panel]]:
    """One column or two, of heights as equal as their order allows."""
    whole = sum(map(_height, panels))
    if whole < 8 or len(panels) < 2:
        return [panels]
    cuts = range(1, len(panels))
    cut = min(cuts, key=lambda i: abs(whole / 2 - sum(map(_height, panels[:i]))))
    return [panels[:cut], panels[cut:]]


def _height(panel: Panel) -> float:
    return HEAD + sum(max(2, len(row.peers())) * BAR + GAP for row in panel[1])


def _panel(axis: Any, suite: str, rows: list[Row], last: bool) -> None:
    """The bars of one suite, by the ratio to the best peer."""
    place, ticks, names = GAP / 2, [], []
    for row in sorted(rows, key=lambda r: -(r.speed_up(r.peers()[0]) or 0)):
        top = place
        place += max(0, 2 - len(row.peers())) * BAR / 2
        for peer in row.peers():
            ratio = row.speed_up(peer) or 1.0
            place += BAR
            colour = COLOURS[peer]
            axis.barh(place - BAR / 2, ratio - 1, BAR * 0.86, left=1, color=colour)
            right = ratio >= 1
            axis.annotate(
                times(ratio),
                (ratio, place - BAR / 2),
                (3 if right else -3, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center_baseline",
                fontsize=6.8,
                color=INK if right else WORSE,
            )
        place += max(0, 2 - len(row.peers())) * BAR / 2
        ticks.append((top + place) / 2)
        what, _, more = row.name.partition(", ")
        time = duration(row.median("ingot")).replace(" ", r"\ ")
        names.append(f"{what}  $\\bf{{{time}}}$" + (f"\n{more}" if more else ""))
        place += GAP
    axis.set_ylim(place, 0)
    axis.set_yticks(ticks, names)
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", which="both", length=0, labelsize=7.5, colors=SOFT)
    axis.tick_params(axis="x", labelbottom=last)
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}x")
    axis.axvline(1, color=INK, linewidth=1.1, zorder=3)
    axis.grid(axis="x", which="major", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "left", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.annotate(
        TITLES.get(suite, suite),
        (1, 1),
        (0, 5),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=10,
        fontweight="bold",
    )


def _surround(
    figure: Any, results: Results, shown: list[Row], height: float, columns: int
) -> None:
    """Title, legend and the machine, at fixed distances from the edges."""
    from matplotlib.patches import Patch

    edge = 0.035 / columns

    def write(text: str, inches: float, **style: Any) -> None:
        figure.text(edge, inches / height, text, va="center", **style)

    write(
        "Time, in multiples of ingot's", height - 0.42, fontsize=18, fontweight="bold"
    )
    write(
        "ingot's own time stands in bold. Bars to the right of the line: ingot is "
        "faster.",
        height - 0.78,
        fontsize=9,
        color=SOFT,
    )
    peers = [p for p in results.contenders() if any(p in r.peers() for r in shown)]
    figure.legend(
        handles=[Patch(color=COLOURS[p], label=LABELS[p]) for p in peers],
        loc="center left",
        bbox_to_anchor=(edge - 0.004, 1 - 1.07 / height),
        ncols=max(1, len(peers)),
        frameon=False,
        handlelength=1.0,
        handleheight=1.0,
        columnspacing=1.6,
    )
    m, settings = results.machine, results.settings
    versions = ", ".join(
        f"{LABELS[n]} {v.split(' ')[0]}" for n, v in results.versions.items()
    )
    quick = " Quick run: not to be quoted." if settings["quick"] else ""
    write(
        f"{m['gpu'] or m['cpu']}, {m['threads']} threads, {settings['dtype']}. "
        f"Medians, logarithmic scale. Each library in a process of its own, sampled in "
        f"turn.{quick}",
        0.33,
        fontsize=7.5,
        color=SOFT,
    )
    write(versions, 0.15, fontsize=7.5, color=SOFT)
