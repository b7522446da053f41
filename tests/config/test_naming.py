import pytest

from tasks.common.errors import InvalidConfigError
from tasks.config.naming import default_name, read_naming
from tasks.config.recipes import nearest_recipe, recipes
from tasks.config.training import SourceConfig, TrainingConfig, validated_config, with_seed


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_is_nearest_to_itself_and_what_differs_is_named(recipe: str) -> None:
    config = validated_config(**recipes()[recipe].groups)
    assert nearest_recipe(config) == (recipe, [])
    name, changes = nearest_recipe(with_seed(config, 7))
    assert (name, [(one.name, one.value) for one in changes]) == (recipe, [("seed", 7)])


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("reviews-2026w14.csv", "reviews-2026w14"),
        ("reviews.jsonl.gz", "reviews"),
        ("s3://bucket/films/week 3.parquet", "week-3"),
        ("отзывы.csv", "отзывы"),
        ("+.csv", "files"),
        (f"{'x' * 300}.csv", f"{'x' * 19}..{'x' * 19}"),
        (f"all_reviews_{'of_the_year_' * 3}_eu.csv", "all_reviews_of_the_..ear_of_the_year__eu"),
    ],
)
def test_a_run_is_named_after_its_file_recipe_protocol_and_seed(file: str, stem: str) -> None:
    source = SourceConfig.model_validate({"source": "files", "train_file": file})
    groups = recipes()["ngrams"].groups
    config = validated_config(**groups, source=source)
    assert default_name(config, "files") == f"{stem}-ngrams-honest-seed0"
    assert read_naming(name=default_name(config, "files")).name


def test_without_a_file_a_run_is_named_after_its_source() -> None:
    assert default_name(TrainingConfig(), "imdb-keras") == "imdb-keras-tutorial-honest-seed0"


@pytest.mark.parametrize("text", ["", "week 14", "Ünïcode", "a" * 40, "14"])
def test_names_that_can_be_shown_are_taken(text: str) -> None:
    assert read_naming(name=text, tags=(text or "x",)).name == text


ODD = [
    "a/b",
    "a\\b",
    "..",
    "-rf",
    " a",
    "a ",
    "a\nb",
    "a\x1b[31m",
    "\u202eabc",
    "latest",
    "a" * 101,
]


@pytest.mark.parametrize("text", ODD)
def test_other_names_and_tags_are_refused_and_what_is_allowed_is_said(text: str) -> None:
    for field, given in (("name", text), ("tags", (text,))):
        with pytest.raises(InvalidConfigError) as refused:
            read_naming(**{field: given})
        said = f"{field.removesuffix('s')}={text!r}: must be at most "
        assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    "fields",
    [{"tags": ("",)}, {"tags": ("a", "a")}, {"tags": [str(n) for n in range(21)]}]
    + [{"note": note} for note in ("x" * 501, "two\nlines", "\x1b[31m")],
)
def test_no_odd_tags_and_notes(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidConfigError, match="must be at most"):
        read_naming(**fields)
