"""The architectures, and how their first weights are made."""
