"""The plugin runtime: manifests, registry, dispatcher, hook specifications and what plugins declare."""
