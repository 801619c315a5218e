"""What staff work with."""
