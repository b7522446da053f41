"""A model as one folder that answers without this project."""
