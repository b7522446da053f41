"""Made Korean reviews: a stem tells the label, and its endings are many, as in the language.

So a reader of words meets most forms for the first time in the test set, and a reader of parts of
words does not. It is known how well the labels can be told apart.
"""

import random
from pathlib import Path

BAYES_ACCURACY = 0.95
"""Share of the reviews whose stem tells their own label: no model can know more."""

_STEMS = (
    ("지루", "유치", "답답", "허술", "산만", "식상", "조잡", "난해"),
    ("훌륭", "완벽", "탁월", "신선", "참신", "황홀", "유쾌", "짜릿"),
)
_ENDINGS = (
    *("한", "하다", "했다", "하네요", "했습니다", "하고", "했던", "하군요", "해서", "하더라"),
    *(
        "했지",
        "하죠",
        "했어요",
        "합니다",
        "하면서",
        "하니까",
        "하거든요",
        "했으며",
        "하네",
        "했네요",
    ),
    *("하더군요", "했다고", "하다는", "했었다", "하구나", "했는데", "할", "하며", "했죠", "해요"),
)
_NOUNS = ("영화", "배우", "연기", "음악", "장면", "이야기", "대사", "감독", "결말", "화면", "인물")
_PARTICLES = ("이", "가", "은", "는", "을", "를", "의", "에", "도", "만", "까지", "부터", "에서")


def write_korean(path: Path, rows: int, seed: int = 0) -> Path:
    """Write as many reviews of each label, 부정 and 긍정, as CSV."""
    chance = random.Random(seed)
    lines = ["text,label"]
    for row in range(rows):
        label = row % 2
        told = label if chance.random() < BAYES_ACCURACY else 1 - label
        words = [
            chance.choice(_NOUNS) + chance.choice(_PARTICLES) for _ in range(chance.randint(3, 8))
        ]
        telling = chance.choice(_STEMS[told]) + chance.choice(_ENDINGS)
        words.insert(chance.randint(0, len(words)), telling)
        lines.append(f"{' '.join(words)} {row // 2}번,{('부정', '긍정')[label]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
