"""Every number of a run, of a promotion, of an experiment and of a schedule, validated."""
