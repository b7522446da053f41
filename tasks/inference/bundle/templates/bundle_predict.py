"""Predict texts with this bundle: `python predict.py "A lovely film"`; needs TensorFlow only.

No file is opened before its hash in `bundle.json` is checked.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def check_files() -> None:
    """End the process where a file is missing, changed or not in the list."""
    listed = json.loads((FOLDER / "bundle.json").read_bytes())["files"]
    for name, record in listed.items():
        file = FOLDER / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != record["sha256"]:
            sys.exit(f"error: {name} is not as it was exported; get the bundle again")
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    others = sorted(present - {*listed, "bundle.json", "bundle.sha256"})
    if others:
        sys.exit(f"error: {', '.join(others)} is not part of the bundle; remove it")


def main() -> None:
    """Print label and probability of each text of the command line."""
    check_files()
    import tensorflow as tf

    texts = sys.argv[1:] or sys.stdin.read().splitlines()
    predict = tf.saved_model.load(str(FOLDER / "saved_model")).signatures["serving_default"]
    answer = predict(text=tf.constant(texts, tf.string))
    pairs = zip(answer["label"].numpy(), answer["probability"].numpy(), strict=True)
    for label, probability in pairs:
        print(f"{label.decode()}\t{probability:.6f}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
