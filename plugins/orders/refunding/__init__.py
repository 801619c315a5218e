"""What goes back, along the way it came."""
