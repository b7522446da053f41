"""Which training labels are likely wrong, and which texts to label next."""
