"""Reviews of three labels of which it is known how well they can be told apart."""

import random
from pathlib import Path

LABELS = ("bad", "mixed", "good")

BAYES_ACCURACY = 0.8
"""Share of the reviews whose telling word is that of their own label: no model can know more."""

_WORDS = {"bad": "dull", "mixed": "fair", "good": "fine"}
_OTHER = ["the", "film", "plot", "cast", "was", "and", "scene", "music", "ending"]


def write_three_labels(
    path: Path, rows: int, seed: int = 0, labels: tuple[str, ...] = LABELS
) -> Path:
    """Write as many reviews of each label; `labels` are other names of the three, in their order.

    Each has one word that tells of a label, by the Bayes accuracy that of its own, and words that
    tell nothing. So the accuracy of the best answer is known.
    """
    chance = random.Random(seed)
    lines = ["text,label"]
    for row in range(rows):
        label = row % len(LABELS)
        is_told = chance.random() < BAYES_ACCURACY
        others = [one for one in range(len(LABELS)) if one != label]
        told = label if is_told else chance.choice(others)
        text = [chance.choice(_OTHER) for _ in range(chance.randint(3, 9))]
        text.insert(chance.randint(0, len(text)), _WORDS[LABELS[told]])
        lines.append(f"{' '.join(text)} {row},{labels[label]}")
    path.write_text("\n".join(lines) + "\n")
    return path
