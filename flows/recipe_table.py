"""What the terminal shows of recipes."""

from collections.abc import Mapping

from rich.console import RenderableType
from rich.text import Text

from tasks.recipe_book import DEFAULT_RECIPE, Recipe


def recipe_lines(recipes: Mapping[str, Recipe]) -> list[RenderableType]:
    """Return what each recipe is, scores and costs, and how it is trained."""
    first = recipes[DEFAULT_RECIPE].expected.cpu_seconds
    shown: list[RenderableType] = []
    for recipe in recipes.values():
        expected = recipe.expected
        shown += [
            Text(recipe.name, style="bold"),
            f"  {recipe.description}",
            f"  test accuracy {expected.accuracy:.4f} ± {expected.spread:.4f} over"
            f" {expected.seeds} seeds; {expected.cpu_seconds:.0f} s of processor time,"
            f" {expected.cpu_seconds / first:.2f} of {DEFAULT_RECIPE}'s",
            f"  {recipe.command}",
        ]
    return [*shown, "", "Honest protocol, official IMDB split. More: docs/recipes.md"]
