"""Tables and texts for the terminal, Markdown and the Prefect UI."""
