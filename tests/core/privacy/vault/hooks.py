"""The vault hears nothing."""
