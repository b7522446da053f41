"""A worker for the deployments: `python flows/worker.py --pool retraining`."""

from flows.cli.app import run_command
from flows.cli.server import worker_app

if __name__ == "__main__":
    run_command(worker_app)
