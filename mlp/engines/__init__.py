"""Engines: what makes the steps."""
