"""The same rewards for many members at once: drafted, approved by a second person, run in chunks, taken back."""
