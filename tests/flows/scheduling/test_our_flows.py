"""Every flow of the pipelines is known: to the automations, to who looks for its failures."""

import importlib
import pkgutil
from uuid import uuid4

import pytest
from prefect import Flow

from flows import pipelines
from flows.orchestration.failure_hook import keep_failure_record
from flows.scheduling.automations import close_silent_runs, notify_of_failures
from flows.scheduling.our_flows import OUR_FLOWS
from tests.support.servers.deploy_files import DEPLOY

ROOT = DEPLOY.parent


def flows() -> list[Flow[..., object]]:
    names = [module.name for module in pkgutil.iter_modules(pipelines.__path__)]
    modules = [importlib.import_module(f"flows.pipelines.{name}") for name in names]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, Flow)]
    return list({id(flow): flow for flow in found}.values())


def test_every_flow_is_known_and_its_program_exists() -> None:
    assert {flow.name for flow in flows()} == set(OUR_FLOWS)
    assert all((ROOT / "flows" / program).is_file() for program in OUR_FLOWS.values())


@pytest.mark.parametrize("flow", flows(), ids=lambda flow: flow.fn.__name__)
def test_the_failure_of_a_flow_leaves_a_record(flow: Flow[..., object]) -> None:
    assert flow.on_failure_hooks == flow.on_crashed_hooks == [keep_failure_record]


def test_the_server_watches_every_flow() -> None:
    for automation in (close_silent_runs(90), notify_of_failures(uuid4())):
        watched = automation.trigger.model_dump()["match_related"]
        assert watched["prefect.resource.name"] == list(OUR_FLOWS)


def test_the_docs_list_every_flow() -> None:
    docs = (ROOT / "docs/operations.md").read_text()
    for name, program in OUR_FLOWS.items():
        assert f"| `{name}` | `{program}` |" in docs
