"""Which plugins there are, and the one place where their hooks are called."""
