"""The example units and the settings in `deploy`."""

import re
from pathlib import Path

DEPLOY = Path(__file__).parents[3] / "deploy"

UNITS = sorted(DEPLOY.glob("*.service"))


def settings(*, commented: bool = False) -> dict[str, str]:
    """Return the settings of the environment file, on demand also those commented out."""
    begin = "(?:# )?" if commented else ""
    text = (DEPLOY / "prefect.env").read_text()
    return dict(re.findall(rf"^{begin}([A-Z_]+)=(.*)$", text, re.MULTILINE))


def server_settings() -> dict[str, str]:
    """Return those of the settings that are a server's."""
    return {name: value for name, value in settings().items() if name.startswith("PREFECT_SERVER_")}
