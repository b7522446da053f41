"""What `promote.py` shows in Prefect's UI, and that it never depends on a server."""

from pathlib import Path

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL

from flows.cli.app import main
from flows.cli.promote import app
from flows.orchestration.publish_champion import publish_champion
from tests.support.commands import run_script
from tests.support.promotions import decide, make_challenger, run_id
from tests.support.servers.run_records import artifacts_where


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for number in (1, 2):
        decide(tmp_path, make_challenger(tmp_path, number, 18 * number))
    return tmp_path


@pytest.mark.usefixtures("prefect_server")
def test_a_rollback_from_the_terminal_is_seen_in_prefects_ui(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value() or "")
    main(app, ["rollback", "--reason", "it fell | ill", "--artifacts", str(artifacts)])
    chosen = ArtifactFilter(key=ArtifactFilterKey(any_=["champion"]))
    last = f"rolled back: {run_id(1)}, champion in place of {run_id(2)}"
    (artifact,) = [one for one in artifacts_where(chosen) if one.description == last]
    text = str(artifact.data)
    assert text.startswith(f"# Champion {run_id(1)}\n\n- since 20")
    assert f"\n- in place of {run_id(2)}\n- why: it fell" in text
    rows = [line.split(" | ")[2] for line in text.splitlines() if line.startswith("| ")][-3:]
    assert rows == ["rolled back", "promoted", "promoted"]
    assert "it fell \\| ill\n- 2: me@here: a test" in text


def test_a_server_that_does_not_answer_is_said_and_the_decision_stands(artifacts: Path) -> None:
    (artifacts / "prefect.toml").write_text('[api]\nurl = "http://me:hunter2@127.0.0.1:9/api"\n')
    result = run_script(artifacts, "promote.py", "rollback", f"--artifacts={artifacts}")
    assert result.returncode == 0
    assert result.stdout.startswith(f"rolled back: {run_id(1)}")
    assert "the Prefect server at http://***@127.0.0.1:9/api did not take this (" in result.stderr
    assert "the decision stands, and nothing else is lost" in result.stderr
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_without_a_configured_server_nothing_is_published_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_PROFILES_PATH", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setattr("prefect.get_client", None)
    publish_champion([])
    (tmp_path / "profiles.toml").write_text('active = "local"\n[profiles.local]\n')
    publish_champion([])
    assert caplog.records == []
