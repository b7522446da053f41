"""From raw reviews to padded rows: fetch, load, pad, persist, split and validate."""
