"""The pages: each module is one subject, and says in `ROUTES` which paths it answers."""
