import os
from pathlib import Path
from typing import Any

from tasks.cache.explain import diff_parts, explain_miss, few
from tasks.cache.key import KeyParts
from tasks.common.records import read_record, write_record

PARTS = KeyParts(
    step="pad",
    function="tasks.steps.pad",
    config={"text": {"num_words": 5000, "maxlen": 200}, "rows": 3},
    inputs={"loaded": "a"},
    source={"tasks.data.text.padding.pad_tokens": "1", "tasks.common.seeds.generator": "1"},
    libraries={"numpy": "2.4.5"},
    environment={},
    python="3.11",
)


def changed(**parts: Any) -> KeyParts:
    return PARTS.model_copy(update=parts)


def test_each_kind_of_change_is_said_as_a_person_would() -> None:
    after = changed(
        config={"text": {"num_words": 10000, "maxlen": 200}, "rows": 3},
        inputs={"loaded": "b"},
        source={"tasks.data.text.padding.pad_tokens": "2", "tasks.common.seeds.generator": "1"},
        libraries={"numpy": "2.4.6", "pyarrow": "26"},
        environment={"TF_ENABLE_ONEDNN_OPTS": "0"},
        python="3.12",
    )
    assert diff_parts(PARTS, after) == [
        "num_words 5000 → 10000",
        "input loaded changed",
        "numpy 2.4.5 → 2.4.6",
        "pyarrow not used → 26",
        "TF_ENABLE_ONEDNN_OPTS not set → 0",
        "Python 3.11 → 3.12",
        "data/text/padding.py changed (pad_tokens)",
    ]


def test_of_many_changes_the_first_are_named_and_the_others_counted() -> None:
    edited = {f"tasks.data.pad.part_{n}": "2" for n in range(7)}
    (line,) = diff_parts(PARTS, changed(source=PARTS.source | edited))
    assert line == "data/pad.py changed (part_0, part_1, part_2, part_3, part_4, and 2 more)"
    assert few("; ", ["a", "b"]) == "a; b"
    assert few("; ", list("abcdefg")) == "a; b; c; d; e; and 2 more"


def test_equal_parts_have_no_difference() -> None:
    assert diff_parts(PARTS, PARTS) == []


def write(folder: Path, name: str, parts: KeyParts, age: int) -> Path:
    path = folder / f"{name}.json"
    write_record(path, parts)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def test_the_nearest_key_is_the_newest_of_those_with_the_fewest_changes(tmp_path: Path) -> None:
    write(tmp_path, "far", changed(python="3.12", inputs={"loaded": "z"}), age=1)
    write(tmp_path, "near", changed(python="3.13"), age=8)
    write(tmp_path, "as near but older", changed(python="3.10"), age=9)
    assert explain_miss(PARTS, tmp_path.iterdir()) == ["Python 3.13 → 3.11"]


def test_the_first_key_of_a_step_has_nothing_to_differ_from() -> None:
    assert explain_miss(PARTS, []) == ["there is no earlier result of this step"]


def test_damaged_and_vanished_keys_are_passed_over(tmp_path: Path) -> None:
    near = write(tmp_path, "near", changed(python="3.13"), age=1)
    near.write_text(near.read_text()[:-9])
    far = write(tmp_path, "far", changed(python="3.12", inputs={"loaded": "z"}), age=9)
    assert read_record(KeyParts, near) is None
    assert explain_miss(PARTS, [near, far, tmp_path / "gone"]) == [
        "input loaded changed",
        "Python 3.12 → 3.11",
    ]
