"""Charts, HTML pages, the model card and exports of a run."""
