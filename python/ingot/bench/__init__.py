"""The benchmark that anyone can run: `python -m ingot.bench`.

ingot beside the libraries that are installed, and beside bare loops that move the same
bytes. `suites` lists what is measured, `contenders/` says how each library does it.
"""

from __future__ import annotations

__all__: list[str] = []
