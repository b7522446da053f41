"""The run folder: everything that a run leaves, whole or absent, with a manifest of hashes."""

import shutil
from datetime import UTC, datetime
from typing import Protocol

from tasks.common.artifact_store import ArtifactStore, StepOutput, StepRun
from tasks.common.atomic_files import scratch_folder, sync_file, sync_folder, write_text
from tasks.common.device import Device
from tasks.common.errors import storage_errors
from tasks.common.hashed_files import hashed_files
from tasks.common.records import write_json
from tasks.config.naming import Naming
from tasks.config.training import TrainingConfig
from tasks.data.sources.source_files import SourceFiles
from tasks.drift.report import DriftReport
from tasks.reports.model_card import MODEL_CARD, model_card
from tasks.reports.run_report import CHARTS, run_report
from tasks.run_summary import RunSummary
from tasks.runs.environment import describe_machine, describe_source, library_versions
from tasks.runs.manifest import BaselineScore, Manifest, Score, Training, VectorCoverage
from tasks.runs.names import write_naming
from tasks.runs.read import PARTS, REPORT, SLICES, read_json

DRIFT = "drift.json"
"""In the folders of runs that were checked for drift."""

_STEP_FILES = {
    "load": ("data_report.json", "vocabulary.json"),
    "persist-parquet": (PARTS,),
    "build": ("model_summary.txt",),
    "train": ("best_model.keras", "history.json"),
    "evaluate": ("metrics.json", "predictions.parquet", "abstention.json"),
    "baseline": (
        "baseline_metrics.json",
        "baseline_predictions.parquet",
        "bayes_baseline_metrics.json",
        "bayes_baseline_predictions.parquet",
    ),
    "plot": tuple(
        f"figures/{name}.{kind}" for name in ("loss", "accuracy") for kind in ("png", "svg")
    ),
    "analyse": ("analysis.json", SLICES, *(f"figures/{name}.svg" for name in CHARTS)),
}

RUN_FILES = {name: step for step, names in _STEP_FILES.items() for name in names}
"""Files of a run folder, and the step whose file of that name each is a copy of."""


class DoneSteps(Protocol):
    """What a runner of the steps keeps of them."""

    store: ArtifactStore
    outputs: dict[str, StepOutput]
    runs: list[StepRun]


def record_run(
    run: DoneSteps,
    flow_run_id: str,
    config: TrainingConfig,
    source: SourceFiles,
    device: Device,
    drift: DriftReport | None = None,
    naming: Naming = Naming(),
) -> RunSummary:
    """Write `runs/<utc>-<id>/` and return its summary.

    The folder's <id> is the first 8 characters of Prefect's id of the flow run.

    Raises:
        StorageError: The disk is full or locked; nothing that looks finished is left.
    """
    store, by_step = run.store, run.outputs
    facts = {step: output.facts for step, output in by_step.items()}
    created = datetime.now(UTC)
    run_id = f"{created:%Y%m%dT%H%M%SZ}-{flow_run_id[:8]}"
    with storage_errors(store.root), scratch_folder(store.runs) as temporary:
        (temporary / "figures").mkdir()
        for name, step in RUN_FILES.items():
            file = temporary / name
            shutil.copyfile(store.file(by_step[step], file.name), file)
            sync_file(file)
        write_json(temporary / "config.json", config)
        if drift is not None:
            write_json(temporary / DRIFT, drift)
        labels = read_json(temporary, "data_report.json")["label_names"]
        manifest = Manifest(
            run_id=run_id,
            flow_run_id=flow_run_id,
            created=created.isoformat(timespec="seconds"),
            seed=config.fit.seed,
            label_names=labels,
            score=Score.from_facts(facts["persist-parquet"] | facts["evaluate"]),
            baseline=BaselineScore.from_facts(facts["baseline"]),
            bayes_baseline=BaselineScore.from_facts(facts["baseline"], "bayes_"),
            training=Training.from_facts(facts["train"]),
            slices=read_json(temporary, "analysis.json")["slices"],
            vectors=VectorCoverage.from_facts(facts["build"])
            if "words_with_vector" in facts["build"]
            else None,
            source=source,
            device=device,
            fingerprints={
                split: str(facts["load"][f"{split}_fingerprint"]) for split in ("train", "test")
            },
            data_content=by_step["persist-parquet"].contents,
            weights={
                name: str(facts["train"][name]) for name in ("best_model_hash", "last_weights_hash")
            },
            steps=run.runs,
            versions=library_versions(),
            machine=describe_machine(),
            git=describe_source(),
            files={},
        )
        write_text(temporary / REPORT, run_report(temporary, manifest))
        metrics = read_json(temporary, "metrics.json")
        write_text(temporary / MODEL_CARD, model_card(manifest, metrics, config, labels))
        manifest = manifest.model_copy(update={"files": hashed_files(temporary)})
        write_naming(temporary, naming)
        manifest.write(temporary)
        sync_folder(temporary / "figures")
        temporary.replace(store.runs / run_id)
        sync_folder(store.runs)
    return RunSummary(folder=store.runs / run_id, score=manifest.score, steps=run.runs)
