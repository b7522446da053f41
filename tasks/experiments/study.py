"""The study of a sweep in its database: opened, requested trials and given their results.

The study is Optuna's; this module adds that the next trial depends on the seed and on the trials
that have ended alone, so that a sweep which was killed resumes as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.common.canonical_json import changed_items
from tasks.common.errors import InvalidConfigError, StorageError, first_line, import_extra
from tasks.common.records import Record
from tasks.common.seeds import generator
from tasks.config.experiments import Objective, SweepConfig
from tasks.config.search_space import Choices, Range, SearchSpace, Value
from tasks.config.training import TrainingConfig
from tasks.experiments.trial import TrialResult
from tasks.runs.manifest import Score

if TYPE_CHECKING:
    import optuna

_BASIS, _SPENT, _RESULT, _WINNERS = "basis", "spent_seconds", "result", "winners"

_STARTUP_TRIALS = 10
"""Of Optuna's TPE: so many are random before it learns from them."""

_DATABASE_PATIENCE_S = 60


def optuna_library() -> Any:  # noqa: ANN401 - a module
    """Return Optuna."""
    return import_extra("optuna", "sweep")


def trial_in_progress(study: optuna.Study, number: int) -> optuna.Trial:
    """Return a trial that another process may have requested; Optuna has no public way to it."""
    storage = study._storage  # noqa: SLF001
    study_id = storage.get_study_id_from_name(study.study_name)
    trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, number)
    trial: optuna.Trial = optuna_library().trial.Trial(study, trial_id)
    return trial


class StudyBasis(Record):
    """What all trials of a study share; its budget may grow."""

    config: TrainingConfig
    space: SearchSpace
    objective: Objective
    sampler: str
    sampler_seed: int
    pruning_after: int | None


class AskedTrial(Record):
    """A trial to run: its number in the study, and the values that its fields have."""

    number: int
    values: dict[str, Value]


class EndedTrial(AskedTrial):
    """A trial, and what came of it."""

    result: TrialResult


class Winner(Record):
    """The run of the best trial's config, trained again, whose score is on the test reviews.

    `same_weights` tells whether it has the very weights that the trial had.
    """

    trial: int
    run_id: str
    score: Score
    same_weights: bool


def storage_url(sweep: SweepConfig, folder: Path) -> str:
    """Return the URL of the study's database, below `folder` where the config names none."""
    return sweep.storage or f"sqlite:///{folder.absolute() / 'study.db'}"


def create_study(sweep: SweepConfig, config: TrainingConfig, space: SearchSpace) -> optuna.Study:
    """Return the study, a new one or the one that exists.

    An InvalidConfigError says that the one that exists has another basis; a MissingExtraError that
    Optuna is not installed; a StorageError that the database cannot be used.
    """
    study = _opened(sweep)
    basis = StudyBasis(
        config=config,
        space=space,
        objective=sweep.objective,
        sampler=sweep.sampler,
        sampler_seed=sweep.sampler_seed,
        pruning_after=sweep.pruning_after if sweep.pruning else None,
    ).model_dump(mode="json")
    if _BASIS not in study.user_attrs:
        study.set_user_attr(_BASIS, basis)
    elif study.user_attrs[_BASIS] != basis:
        changed = "; ".join(
            f"{name} was {old!r}, is {new!r}"
            for name, old, new in changed_items(_flat(study.user_attrs[_BASIS]), _flat(basis))
        )
        raise InvalidConfigError(
            f"study={sweep.study!r}: was begun otherwise ({changed}); give the same options, or"
            " another name with --study"
        )
    return study


def basis_of(study: optuna.Study) -> StudyBasis:
    """Return what all trials of the study share."""
    return StudyBasis.model_validate(study.user_attrs[_BASIS])


def open_trial(sweep: SweepConfig, number: int) -> optuna.Trial:
    """Return a trial in progress, to report its epochs from another process."""
    return trial_in_progress(_opened(sweep), number)


def _opened(sweep: SweepConfig) -> optuna.Study:
    library = optuna_library()
    library.logging.set_verbosity(library.logging.WARNING)
    assert sweep.storage is not None
    url, options = sweep.storage, {}
    if url.startswith("sqlite:"):
        options = {"connect_args": {"timeout": _DATABASE_PATIENCE_S}}
    pruner = library.pruners.NopPruner()
    if sweep.pruning:
        pruner = library.pruners.MedianPruner(n_startup_trials=sweep.pruning_after)
    with plain_faults(sweep):
        storage = library.storages.RDBStorage(
            url.replace("postgresql://", "postgresql+psycopg://", 1), engine_kwargs=options
        )
        study: optuna.Study = library.create_study(
            storage=storage,
            study_name=sweep.study,
            sampler=library.samplers.RandomSampler(),
            pruner=pruner,
            direction="minimize" if sweep.objective == "val_loss" else "maximize",
            load_if_exists=True,
        )
        return study


@contextmanager
def plain_faults(sweep: SweepConfig) -> Iterator[None]:
    """Report a fault of the study's database in one sentence, as a StorageError."""
    faults = optuna_library().exceptions
    database = import_extra("sqlalchemy.exc", "sweep")
    try:
        yield
    except (database.SQLAlchemyError, faults.OptunaError) as error:
        raise StorageError(
            f"storage={sweep.storage!r}: cannot be used ({first_line(error)}); start or fix the"
            " database, or name another one with --storage; the study there is resumed"
        ) from None


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        is_tree = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if is_tree else {f"{prefix}{name}": value}
    return flat


def begun_trials(study: optuna.Study, space: SearchSpace) -> list[AskedTrial]:
    """Return the trials that an earlier process began and did not end, in their order.

    One that was killed before all its values were drawn is ended as failed; its place is free.
    """
    states = optuna_library().trial.TrialState
    whole = []
    for trial in study.get_trials(deepcopy=False, states=[states.RUNNING]):
        if _is_drawn(trial, space):
            whole.append(AskedTrial(number=trial.number, values=trial.params))
        else:
            study.tell(trial.number, state=states.FAIL)
    return whole


def next_trial(study: optuna.Study, space: SearchSpace, sweep: SweepConfig) -> AskedTrial | None:
    """Return a new trial, None where the study has as many as it may.

    Its values depend on the seed, on how many trials there are, and on those that have ended.
    """
    drawn = sum(_is_drawn(trial, space) for trial in study.get_trials(deepcopy=False))
    if drawn >= sweep.trials:
        return None
    study.sampler = _sampler(sweep, drawn)
    trial = study.ask({name: _distribution(one) for name, one in space.fields.items()})
    return AskedTrial(number=trial.number, values=trial.params)


def _is_drawn(trial: optuna.trial.FrozenTrial, space: SearchSpace) -> bool:
    return trial.params.keys() == space.fields.keys()


def _sampler(sweep: SweepConfig, drawn: int) -> optuna.samplers.BaseSampler:
    samplers = optuna_library().samplers
    seed = int(generator(sweep.sampler_seed, "values of a trial", drawn).integers(2**32))
    sampler: optuna.samplers.BaseSampler = samplers.RandomSampler(seed)
    if sweep.sampler == "tpe":
        sampler = samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)
    return sampler


def _distribution(field: Range | Choices) -> optuna.distributions.BaseDistribution:
    kinds = optuna_library().distributions
    made: optuna.distributions.BaseDistribution
    if isinstance(field, Choices):
        made = kinds.CategoricalDistribution(field.choices)
    else:
        is_int = isinstance(field.low, int) and isinstance(field.high, int)
        kind = kinds.IntDistribution if is_int else kinds.FloatDistribution
        made = kind(field.low, field.high, log=field.log)
    return made


def tell_result(study: optuna.Study, number: int, result: TrialResult, spent: float) -> None:
    """Note how a trial ended, and how many seconds the study took so far."""
    states = optuna_library().trial.TrialState
    ended = {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
    trial_in_progress(study, number).set_user_attr(_RESULT, result.model_dump(mode="json"))
    study.set_user_attr(_SPENT, spent)
    study.tell(number, result.value, state=ended[result.outcome])


def spent_seconds(study: optuna.Study) -> float:
    """Return how long the study took until its last trial ended, in all processes."""
    return float(study.user_attrs.get(_SPENT, 0.0))


def ended_trials(study: optuna.Study) -> list[EndedTrial]:
    """Return all trials of which something came, in the order of their numbers."""
    return [
        EndedTrial(
            number=trial.number,
            values=trial.params,
            result=TrialResult.model_validate(trial.user_attrs[_RESULT]),
        )
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and _RESULT in trial.user_attrs
    ]


def winners(study: optuna.Study) -> list[Winner]:
    """Return all winners that the study had so far, one for each use of the test reviews."""
    return [Winner.model_validate(one) for one in study.user_attrs.get(_WINNERS, [])]


def add_winner(study: optuna.Study, winner: Winner) -> None:
    """Note that the test reviews were used once more."""
    known = [one.model_dump(mode="json") for one in winners(study)]
    study.set_user_attr(_WINNERS, [*known, winner.model_dump(mode="json")])
