"""Stickers: members collect them and wear one."""
