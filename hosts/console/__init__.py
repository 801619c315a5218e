"""The operations console: pages for staff, and the staff endpoints that the same declarations give."""
