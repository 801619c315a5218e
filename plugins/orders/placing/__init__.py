"""An order from the draft to what its member sees: lines, price, postage, address."""
