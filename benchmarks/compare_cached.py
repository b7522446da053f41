"""Compare a fully cached run with an empty Prefect flow, paired and interleaved.

`python -m benchmarks.compare_cached --artifacts FOLDER`, where FOLDER has a finished run of
`flows/train_flow.py --source packaged --epochs 1`.
"""

import sys
from pathlib import Path

import cyclopts
from rich.console import Console

from benchmarks.paired import Spread, ratios, run_child, turn_order

EMPTY_FLOW = """
from flows.orchestration.process import begin_process
begin_process()
from prefect import flow

@flow
def empty() -> None:
    pass

empty()
"""


def main(*, artifacts: Path, pairs: int = 7) -> None:
    """Print the times of both sides and their ratio, pair by pair.

    Args:
        artifacts: Artifacts folder with the finished run.
        pairs: How often both sides are run.
    """
    run = ["flows/train_flow.py", "--source=packaged", "--epochs=1"]
    sides = {
        "empty flow": ["-c", EMPTY_FLOW],
        "cached run": [*run, f"--artifacts={artifacts.absolute()}"],
    }
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(pairs):
        for side in turn_order(list(sides), turn):
            seconds[side].append(run_child([sys.executable, *sides[side]]).seconds)
    console = Console(highlight=False)
    for side, taken in seconds.items():
        console.print(f"{side}: {Spread.of(taken).text(2)} s")
    ratio = Spread.of(ratios(seconds["cached run"], seconds["empty flow"]))
    console.print(f"ratio: {ratio.text(2)}, over {pairs} pairs")


if __name__ == "__main__":
    cyclopts.run(main)
