"""Anything scarce."""
