"""One folder per feature. Each is found by its entry point, as a third party's plugin is."""
