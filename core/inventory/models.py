"""Tables of anything scarce."""
