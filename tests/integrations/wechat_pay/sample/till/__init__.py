"""Claims payments, as the orders of a shop would."""
