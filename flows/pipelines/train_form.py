"""The training flow behind a short form: what a person starts from Prefect's UI."""

from pathlib import Path
from typing import Annotated

from prefect import flow, runtime
from pydantic.json_schema import SkipJsonSchema

from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from flows.pipelines.train import train_flow
from tasks.common.device import Accelerator
from tasks.common.errors import InvalidConfigError
from tasks.config.naming import default_name
from tasks.config.promotion import PromotionConfig
from tasks.config.run_form import RunForm, read_form, shown
from tasks.data.sources.check_files import check_users_files
from tasks.run_summary import RunSummary

# Prefect's UI breaks a line wherever the text does, hence the backslashes.
_DESCRIPTION = """\
Trains as train-sentiment does, from a form of seven fields. All else is the recipe's; \
the deployment `expert` has a field for every number.

- **Same run**: the form makes what `python flows/train_flow.py` makes of the same options, so \
that each step that is known already comes from the cache.
- **Refused**: impossible values by the form; a missing file, a wrong column or label in the \
first seconds, before any step.
"""


def _first_name() -> str:
    """Return the name of the current flow run before its source is resolved."""
    try:
        given = runtime.flow_run.parameters
        config = read_form(**{name: given[name] for name in RunForm.model_fields}).config()
    except InvalidConfigError:
        return "refused"  # by the flow, which says why
    return default_name(config, config.source.source)


@flow(
    name=train_flow.name,
    description=_DESCRIPTION,
    flow_run_name=_first_name,
    **RECORDED,
)
def train_from_form(
    recipe: Annotated[str, shown("recipe")] = RunForm().recipe,
    reviews: Annotated[str, shown("reviews")] = RunForm().reviews,
    text_column: Annotated[str, shown("text_column")] = RunForm().text_column,
    label_column: Annotated[str, shown("label_column")] = RunForm().label_column,
    epochs: Annotated[int, shown("epochs")] = RunForm().epochs,
    seed: Annotated[int, shown("seed")] = RunForm().seed,
    promote: Annotated[bool, shown("promote")] = RunForm().promote,
    accelerator: Annotated[Accelerator, SkipJsonSchema()] = "auto",
    artifacts: Annotated[Path, SkipJsonSchema()] = Path("artifacts"),
    gates: Annotated[PromotionConfig, SkipJsonSchema()] = PromotionConfig(),
) -> RunSummary:
    """Train, judge and record one model; the form does not show the last three, which are fixed."""
    session.begin_flow()
    form = read_form(
        recipe=recipe,
        reviews=reviews,
        text_column=text_column,
        label_column=label_column,
        epochs=epochs,
        seed=seed,
        promote=promote,
    )
    config = form.config()
    check_users_files(config.source)
    promotion = gates if promote else None
    return train_flow.fn(config, accelerator, artifacts, promotion=promotion)
