"""Compare a fully cached run with an empty Prefect flow, paired and interleaved.

`python -m benchmarks.compare_cached --artifacts FOLDER`, where FOLDER has a finished run of
`flows/train_flow.py --source packaged --epochs 1`.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

ROOT = Path(__file__).parent.parent
EMPTY_FLOW = """
from flows.train_command import begin_process
begin_process()
from prefect import flow

@flow
def empty() -> None:
    pass

empty()
"""

app = App(name="compare_cached", help="A cached run against an empty Prefect flow.")


def seconds(command: list[str]) -> float:
    """Return the wall time of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return time.perf_counter() - started


@app.default
def compare(
    *,
    artifacts: Annotated[Path, Parameter(help="Artifacts folder with the finished run.")],
    pairs: Annotated[int, Parameter(help="Pairs of runs.")] = 7,
) -> None:
    """Print both medians and the median of the paired ratios."""
    cached = [sys.executable, "flows/train_flow.py", "--source=packaged", "--epochs=1"]
    cached.append(f"--artifacts={artifacts.absolute()}")
    empty = [sys.executable, "-c", EMPTY_FLOW]
    both = [(seconds(empty), seconds(cached)) for _ in range(pairs)]
    ratios = sorted(after / before for before, after in both)
    Console(highlight=False).print(
        f"empty flow {median(before for before, _ in both):.2f} s, cached run"
        f" {median(after for _, after in both):.2f} s, ratio {median(ratios):.2f}"
        f" ({ratios[0]:.2f} to {ratios[-1]:.2f}) over {pairs} pairs"
    )


if __name__ == "__main__":
    app()
