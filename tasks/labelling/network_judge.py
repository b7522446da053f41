"""The n-gram network as a judge of reviews that it has not learned from."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pyarrow as pa

from tasks.cache.step_function import StepFunction
from tasks.chain import learn
from tasks.common.artifact_store import ArtifactStore, Fact, StepOutput
from tasks.common.device import CPU
from tasks.config.recipes import config_of
from tasks.config.training import NgramBagConfig, TokenizerName
from tasks.data.review_files import write_parquet
from tasks.evaluation.evaluate import judge_file
from tasks.model.build import MUCH, buckets_within
from tasks.model.network import open_network

P = ParamSpec("P")

_RECIPE = "ngrams"


class _Steps:
    """Runs each step anew, as the cache needs a flow run of Prefect."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder).open()

    def cached(
        self, step: StepFunction[P, StepOutput], *args: P.args, **kwargs: P.kwargs
    ) -> StepOutput:
        return step(self.store, *args, **kwargs)


@dataclass(frozen=True)
class NetworkJudge:
    """Trains the network of the recipe `ngrams`, whatever network a config has.

    Of more than 16 labels it has fewer buckets, so that a training takes at most 2 GB.

    `facts` are those of the loaded reviews; `folder` is where to write meanwhile.
    """

    facts: Mapping[str, Fact]
    tokenizer: TokenizerName
    folder: Path

    def __call__(self, reviews: pa.Table, is_judged: np.ndarray) -> np.ndarray:
        """Return what it gives for the judged ones of n reviews, by the others.

        A BadDataError says that these are too few for validation reviews.
        """
        config = config_of(_RECIPE, {"tokenizer": self.tokenizer})
        # Of many labels a smaller table, since the command has no option for that.
        assert isinstance(config.network, NgramBagConfig)
        names = self.facts["label_names"]
        assert isinstance(names, list)
        buckets = min(config.network.ngram_buckets, buckets_within(MUCH, len(names)))
        fewer = config.network.model_copy(update={"ngram_buckets": buckets})
        config = config.model_copy(update={"network": fewer})
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            run, parts = _Steps(Path(name) / "artifacts"), Path(name) / "parts"
            parts.mkdir()
            for part, chosen in (("train", ~is_judged), ("test", is_judged)):
                batches = reviews.filter(pa.array(chosen)).to_batches()
                write_parquet(parts / f"{part}.parquet", batches, {}, config.data.row_group_rows)
            loaded = run.store.keep("load", parts, self.facts)
            persisted, trained = learn(run, loaded, config, CPU)
            network = open_network(run.store.file(trained, "best_model.keras"))
            judged = run.store.file(persisted, "test.parquet")
            return judge_file(network, judged, config.fit.evaluation_batch_size)
