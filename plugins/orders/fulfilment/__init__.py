"""What goes out: parcels and hand-overs, lists and labels, files of tracking numbers."""
