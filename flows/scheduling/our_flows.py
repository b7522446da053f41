"""The flows of this project, which the server watches."""

OUR_FLOWS = {
    "train-sentiment": "train_flow.py",
    "retrain-sentiment": "retrain_flow.py",
    "maintain-artifacts": "maintain_flow.py",
    "predict-texts": "predict_flow.py",
    "train-seeds": "seeds_flow.py",
    "ablation": "ablation_flow.py",
    "sweep": "sweep_flow.py",
    "sweep-trial": "sweep_flow.py",
}
"""The name of each, and the program of `flows` that starts it."""
