"""Manifests and weights, as package data; the model cards stand in README.md beside this file."""
