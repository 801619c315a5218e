"""Money and paper at the counter: the till, its shifts, invoices."""
