"""The commands: their options, help and answers."""
