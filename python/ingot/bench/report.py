"""Tables of results: for the terminal, for a comparison, for the README."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from ingot.bench.contenders import LABELS
from ingot.bench.results import Figure, Results, Row

__all__ = ["compare", "describe", "readme", "table", "write_readme"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them, with three digits."""
    if seconds is None:
        return ""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if seconds * factor >= 1 or unit == "ns":
            return f"{digits(seconds * factor)} {unit}"
    return ""


def digits(x: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}" if x >= 1 else f"{x:.2g}"


def times(ratio: float | None) -> str:
    """A multiple, as 1.05x."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}x" if ratio < 9.95 else f"{ratio:,.0f}x"


def memory(count: int | None) -> str:
    """Bytes in the unit that suits them."""
    if count is None:
        return ""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{digits(count / size)} {unit}"
    return f"{count} B"


def rate(row: Row) -> str:
    """GB/s or, of products, GFLOP/s; of a GPU while it computes."""
    ours = row.computing()
    if not ours or not (row.bytes or row.flops):
        return ""
    if row.flops:
        return f"{digits(row.flops / ours / 1e9)} GF"
    return digits(row.bytes / ours / 1e9)


def percent(share: float | None, sign: str = "") -> str:
    return "" if share is None else f"{sign}{share * 100:.0f}%"


def cell(figure: Figure | None, reasons: list[str]) -> str:
    """A time; else a dash, or the number of the reason for its absence."""
    if figure is None:
        return ""
    if figure.absent:
        return "-"
    if figure.median is not None:
        return duration(figure.median)
    if figure.reason not in reasons:
        reasons.append(figure.reason)
    return f"[{reasons.index(figure.reason) + 1}]"


def describe(results: Results) -> list[str]:
    """The machine and the contenders, in a few lines."""
    m = results.machine
    chip = f"{m['gpu']}, " if m["gpu"] else ""
    settings = results.settings
    versions = ", ".join(f"{LABELS.get(n, n)} {v}" for n, v in results.versions.items())
    lines = [
        f"{chip}{m['cpu']} ({m['simd']}), {m['cores']} cores, {m['memory_gib']} GiB, "
        f"{m['system']}",
        versions,
        f"{settings['dtype']}, {m['threads']} threads, {settings['device']}, "
        f"{results.when}" + (", quick: not to be quoted" if settings["quick"] else ""),
    ]
    if results.loops:
        rates = (
            f"{name} {' / '.join(map(digits, by_threads.values()))}"
            for name, by_threads in results.loops.items()
        )
        threads = " / ".join(next(iter(results.loops.values())))
        lines.append(f"bare loops, GB/s on {threads} threads: {', '.join(rates)}")
    return lines + results.notes


def table(results: Results) -> str:
    """Every row, suite by suite."""
    peers = results.contenders()[1:]
    reasons: list[str] = []
    gpu = results.settings["device"] == "gpu"
    head = ["", "ingot", *["GPU alone"] * gpu, "+-", "GB/s", "of limit"]
    head += [LABELS.get(p, p) for p in peers]
    head += ["best peer"] if peers else []
    head += ["extra memory", "samples"]
    blocks: list[list[list[str]]] = []
    for suite, rows in groupby(results.rows, key=lambda row: row.suite):
        block = [[suite, *[""] * (len(head) - 1)]]
        for row in rows:
            ours = row.figures.get("ingot")
            line = [f"  {row.name}", cell(ours, reasons)]
            line += [duration(ours.gpu if ours else None)] * gpu
            line += [percent(ours.spread if ours else None), rate(row)]
            line += [percent(row.share())]
            line += [cell(row.figures.get(p), reasons) for p in peers]
            if peers:
                best = row.peers()[:1]
                ratio = times(row.speed_up(best[0])) if best else ""
                line.append(f"{ratio} {LABELS.get(best[0], best[0])}" if ratio else "")
            about_memory = ours and (row.bytes or row.flops or ours.memory)
            line += [memory(ours.memory if ours and about_memory else None)]
            line += [str(ours.samples) if ours and ours.samples else ""]
            block.append(line)
        blocks.append(block)
    lines = _columns(head, blocks)
    legend = [
        "",
        "+-: half of what lies between the 10th and the 90th percentile. of limit: the "
        "time of a bare",
        "loop that moves the same bytes, to ingot's. best peer: its time in multiples "
        "of ingot's.",
    ]
    if gpu:
        legend.append(
            "GPU alone: by the GPU's own clock, as GB/s and the limit, a plain kernel "
            "that copies."
        )
    legend += [f"[{i}] {reason}" for i, reason in enumerate(reasons, 1)]
    return "\n".join([*describe(results), "", *lines, *legend])


def _columns(head: list[str], blocks: list[list[list[str]]]) -> list[str]:
    """Lines of equal columns, the first one to the left; a rule under the head."""
    every = [head, *(line for block in blocks for line in block)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]

    def joined(line: list[str]) -> str:
        cells = [line[0].ljust(widths[0])]
        cells += [x.rjust(w) for x, w in zip(line[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    lines = [joined(head), "-" * (sum(widths) + 2 * len(widths) - 2)]
    for i, block in enumerate(blocks):
        lines += [""] * (i > 0) + [joined(line) for line in block]
    return lines


def compare(new: Results, old: Results) -> str:
    """ingot's times beside those of another run; a word where they do differ."""
    before = {(row.suite, row.name): row for row in old.rows}
    blocks: list[list[list[str]]] = []
    for suite, rows in groupby(new.rows, key=lambda row: row.suite):
        block = [[suite, "", "", "", ""]]
        for row in rows:
            past = before.get((row.suite, row.name))
            was = past.figures.get("ingot") if past else None
            now = row.figures.get("ingot")
            if not was or not now or not was.median or not now.median:
                continue
            ratio = now.median / was.median
            noise = 2 * ((was.spread or 0) + (now.spread or 0)) + 0.02
            words = {ratio > 1 + noise: "slower", ratio < 1 - noise: "faster"}
            cells = [duration(was.median), duration(now.median), f"{ratio:.2f}"]
            block.append([f"  {row.name}", *cells, words.get(True, "")])
        if len(block) > 1:
            blocks.append(block)
    same = "" if new.machine == old.machine else "; another machine or build"
    title = f"compared with {old.when}{same}. A word stands where the ratio is beyond"
    head = ["", "old", "new", "new / old", ""]
    return "\n".join([title, "twice the spreads.", "", *_columns(head, blocks)])


def readme(results: Results) -> str:
    """The headlines, as a table in Markdown."""
    peers = results.contenders()[1:]
    names = [LABELS.get(p, p) for p in peers]
    lines = [
        f"`{results.command}` on {results.machine['cpu']}, "
        f"{results.machine['threads']} threads, {results.settings['dtype']}:",
        "",
        f"| | ingot | of the limit | {' | '.join(names)} |",
        f"|---|---|---|{'---|' * len(peers)}",
    ]
    for row in results.rows:
        if row.headline:
            cells = [row.name, duration(row.median("ingot")), percent(row.share())]
            for peer in peers:
                ratio = times(row.speed_up(peer))
                cells.append(f"{duration(row.median(peer))} ({ratio})" if ratio else "")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_readme(results: Results, path: Path) -> None:
    """Replace what stands between the two marks of a file."""
    text = path.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"bench: {path} must have {BEGIN} and {END}, got none")
    path.write_text(f"{before}{mark}\n{readme(results)}\n{end}{after}", "utf-8")
