"""A machine that judges pictures; only tests load it."""
