"""What the flows need from Prefect: session, failure hook, progress, artifacts."""
