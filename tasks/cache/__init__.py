"""The cache of the steps: keys, the check of each hit, and the reason of each miss."""
