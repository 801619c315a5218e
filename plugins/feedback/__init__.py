"""Suggestions and complaints, heard to the end."""
