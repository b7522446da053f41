"""Reviews of three labels, or more, of which it is known how well they can be told apart."""

import random
from pathlib import Path

LABELS = ("bad", "mixed", "good")

BAYES_ACCURACY = 0.8
"""Share of the reviews whose telling word is that of their own label: no model can know more."""

_WORDS = ["dull", "fair", "fine"]
_OTHER = ["the", "film", "plot", "cast", "was", "and", "scene", "music", "ending"]


def write_three_labels(
    path: Path, rows: int, seed: int = 0, labels: tuple[str, ...] = LABELS, times_first: int = 1
) -> Path:
    """Write as many reviews of each label, or so many times more of the first one.

    `labels` are other names of the three, in their order, or of more. Each review has one word that
    tells of a label, by the Bayes accuracy that of its own, and words that tell nothing. So the
    accuracy of the best answer is known, where the labels are equally frequent.
    """
    chance = random.Random(seed)
    words = [*_WORDS, *(f"tells{place}" for place in range(len(_WORDS), len(labels)))]
    lines = ["text,label"]
    for row in range(rows):
        label = max(0, row % (len(labels) + times_first - 1) - times_first + 1)
        is_told = chance.random() < BAYES_ACCURACY
        others = [one for one in range(len(labels)) if one != label]
        told = label if is_told else chance.choice(others)
        text = [chance.choice(_OTHER) for _ in range(chance.randint(3, 9))]
        text.insert(chance.randint(0, len(text)), words[told])
        lines.append(f"{' '.join(text)} {row},{labels[label]}")
    path.write_text("\n".join(lines) + "\n")
    return path
