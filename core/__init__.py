"""Members, points accounts and identity, and what they stand on. Knows no plugin and no host."""
