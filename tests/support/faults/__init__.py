"""How faults are injected, and the table of what came of them."""
