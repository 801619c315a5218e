"""A payment method for tests."""
