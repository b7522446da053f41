"""Compare the training reviews with those of the champion."""
