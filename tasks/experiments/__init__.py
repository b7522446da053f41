"""Many trainings that answer one question: seeds, ablation and sweep."""
