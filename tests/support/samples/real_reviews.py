"""A file of real reviews, taken from the installed dependency that carries them."""

import csv
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import SourceConfig
from tasks.data.fetch import fetch_reviews


def write_real_reviews(path: Path, rows: int) -> Path:
    """Write `rows` of the 25,000 packaged reviews as CSV, evenly from both labels."""
    files = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(path.parent))
    with files.paths["reviews"].open(newline="", encoding="utf-8") as source:
        reviews = [row for row in csv.DictReader(source) if row["source"] == "imdb"]
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(reviews[:: len(reviews) // rows])
    return path
