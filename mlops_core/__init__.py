"""A small, reusable core for the life cycle of a model."""

__version__ = "0.1.0"
