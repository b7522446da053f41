"""The inventory and retention of the artifacts folder, and missed runs."""
