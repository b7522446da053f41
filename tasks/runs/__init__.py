"""The folders of finished runs: manifest, search, description, comparison, verification."""
