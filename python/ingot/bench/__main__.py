"""`python -m ingot.bench`: measure, print the table, keep and draw the results."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ingot.core as mx
from ingot.bench import report
from ingot.bench.cases import ITEMSIZE, Sizes
from ingot.bench.contenders import PEERS, missing
from ingot.bench.measure import Bench
from ingot.bench.plot import plot
from ingot.bench.results import Results
from ingot.bench.suites import SUITES, cases

__all__ = ["main"]

STOPPED = "stopped by Ctrl-C: the table has what was done"
EXAMPLES = """\
examples:
  python -m ingot.bench --quick                    all suites, in about a minute
  python -m ingot.bench step clip --against torch  two suites, beside PyTorch
  python -m ingot.bench --json new.json --compare old.json
  python -m ingot.bench --load new.json --plot new.png
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = argparse.ArgumentParser(
        prog="python -m ingot.bench",
        description="Measures ingot beside the libraries that are installed, and "
        "beside bare loops that move the same bytes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = p.add_argument
    add("suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)}; default: all")
    add("--against", metavar="PEERS", help=f"some of {','.join(PEERS)}, or none; "
        "default: whichever is installed")  # fmt: skip
    add("--filter", metavar="WORDS", default="", help="only cases whose name has one "
        "of these, with commas between")  # fmt: skip
    add("--device", choices=("cpu", "gpu"), default="cpu", help="default: cpu")
    add("--dtype", choices=tuple(ITEMSIZE), default="float32", help="default: float32")
    add("--threads", type=int, default=0, metavar="N", help="default: all cores")
    add("--quick", action="store_true", help="small sizes and few samples: a minute")
    add("--json", type=Path, metavar="FILE", help="write the results to a file")
    add("--plot", type=Path, metavar="FILE.png", help="draw the results")
    add("--compare", type=Path, metavar="OLD.json", help="an earlier file of --json")
    add("--load", type=Path, metavar="FILE.json", help="measure nothing, show a file")
    add("--renew", type=Path, metavar="OLD.json", help="keep the rows of a file of "
        "--json that are not measured now")  # fmt: skip
    add("--readme", type=Path, metavar="README.md", help="rewrite the table in a file")
    return p


def chosen_peers(wish: str | None) -> tuple[list[str], list[str]]:
    """The peers to measure, and a line on each that is not there."""
    if wish is None:
        absent = {peer: missing(peer) for peer in PEERS}
        words = [
            f"without {peer}: pip install {' '.join(map(repr, what))} adds it"
            for peer, what in absent.items()
            if what
        ]
        return [peer for peer in PEERS if not absent[peer]], words
    peers = [p.strip() for p in wish.split(",") if p.strip() not in ("", "none")]
    for peer in peers:
        if peer not in PEERS:
            raise ValueError(f"--against: must be among {', '.join(PEERS)}, got {peer}")
        if what := missing(peer):
            raise ValueError(
                f"--against: {peer} must be installed: "
                f"pip install {' '.join(map(repr, what))}"
            )
    return list(dict.fromkeys(peers)), []


def check(options: argparse.Namespace) -> None:
    """Raise ValueError for what can't be done, before anything is measured."""
    for suite in options.suites:
        if suite not in SUITES:
            raise ValueError(f"SUITE: must be among {', '.join(SUITES)}, got {suite}")
    if not 0 <= options.threads <= 256:
        raise ValueError(f"--threads: must be in [1, 256], got {options.threads}")
    if options.device == "gpu" and not mx.is_available(mx.gpu):
        raise ValueError("--device: this machine has no Metal device, got gpu")
    for name in ("compare", "load", "renew", "readme"):
        path = getattr(options, name)
        if path and not path.is_file():
            raise ValueError(f"--{name}: must be a file, got {path}")
    if options.plot and importlib.util.find_spec("matplotlib") is None:
        raise ValueError("--plot: needs matplotlib: pip install 'ingot[bench]'")


@contextmanager
def progress(total: int) -> Iterator[Callable[[str | None], None]]:
    """A bar on the error stream: called with words, or with None for a step done."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda _: None
        return
    style = "{l_bar}{bar:24}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
    with tqdm(total=total, leave=False, bar_format=style, disable=None) as bar:

        def show(words: str | None) -> None:
            if words is None:
                bar.update()
            else:
                bar.set_postfix_str(words[:60])

        yield show


def measure(options: argparse.Namespace) -> Results:
    """The results of a run, as far as it got."""
    peers, absent = chosen_peers(options.against)
    sizes = Sizes(options.dtype, options.quick)
    todo = cases(options.suites or list(SUITES), sizes)
    words = options.filter.split(",")
    todo = [case for case in todo if any(word in case.name for word in words)]
    if not todo:
        raise ValueError(f"--filter: no case has it in its name, got {options.filter}")
    bench = Bench(peers, options.device, options.dtype, options.threads, options.quick)
    bench.notes += absent
    earlier = Results.load(options.renew) if options.renew else None

    def results() -> Results:
        return bench.results.within(earlier) if earlier else bench.results

    # As Ctrl-C does: else one that was started in the background would not hear it.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    with bench.running(), progress(len(todo)) as show:
        try:
            bench.greet(show)
            results()  # refuses a file of another machine before anything is measured
            bench.measure_loops(sizes.large, show)
            for case in todo:
                bench.measure(case, show)
                show(None)
                if options.json:  # whatever becomes of the next one
                    results().save(options.json)
        except KeyboardInterrupt:
            bench.notes.append(STOPPED)
    return results()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; its exit status."""
    p = parser()
    options = p.parse_args(arguments)
    try:
        check(options)
        results = Results.load(options.load) if options.load else measure(options)
        old = Results.load(options.compare) if options.compare else None
    except (ValueError, ImportError) as error:
        p.error(str(error))
    print(report.table(results))
    if old:
        print(f"\n{report.compare(results, old)}")
    finish(results, options)
    return 130 if STOPPED in results.notes and not options.load else 0


def finish(results: Results, options: argparse.Namespace) -> None:
    """Write what was asked for."""
    written: Iterable[tuple[Path | None, Callable[[Path], None]]] = (
        (options.json, results.save),
        (options.plot, lambda path: plot(results, path)),
        (options.readme, lambda path: report.write_readme(results, path)),
    )
    for path, write in written:
        if path:
            write(path)
            print(f"wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
