"""Set up a Prefect server to run unattended: `python flows/set_up_server.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # ahead of others of these names

from flows.cli.app import main
from flows.cli.server import set_up_app

if __name__ == "__main__":
    main(set_up_app)
