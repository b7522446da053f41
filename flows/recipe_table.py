"""What the terminal shows of recipes."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from tasks.recipe_book import Recipe


def recipe_lines(recipes: Iterable[Recipe]) -> list[RenderableType]:
    """Return what each recipe is, scores and costs, and how it is trained."""
    shown: list[RenderableType] = []
    for recipe in recipes:
        expected = recipe.expected
        shown += [
            Text(recipe.name, style="bold"),
            f"  {recipe.description}",
            f"  test accuracy {expected.accuracy:.4f} ± {expected.spread:.4f} over"
            f" {expected.seeds} seeds, {expected.cpu_seconds:.0f} s of processor time",
            f"  {recipe.command}",
        ]
    return [*shown, "", "Honest protocol, official IMDB split; details: docs/recipes.md"]
