"""What the fault suite found, as a table: faults injected, runs after them, results lost."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"


def fault_counts(reports: Iterable[Any]) -> dict[str, Counter[str]]:
    """Return, by the fault that a test names in its properties, how many tests ended how."""
    counts: dict[str, Counter[str]] = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == "fault" and report.when == "call":
                counts.setdefault(str(value), Counter())[report.outcome] += 1
    return counts


def fault_table(counts: Mapping[str, Counter[str]]) -> str:
    """Return the table as Markdown, with the sums in its last row."""
    lines = ["| fault | injected | survived | results lost |", "|---|---|---|---|"]
    rows = [*sorted(counts.items()), ("**all**", sum(counts.values(), Counter()))]
    for fault, outcomes in rows:
        survived = outcomes["passed"]
        injected = survived + outcomes["failed"]
        lines.append(f"| {fault} | {injected} | {survived} | {injected - survived} |")
    return "\n".join(lines) + "\n"


def write_table(table: str, file: Path) -> None:
    """Put the table between the marks in `file`."""
    before, _, rest = file.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    file.write_text(f"{before}{_BEGIN}\n{table}{_END}{after}")
