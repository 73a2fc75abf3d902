"""A small, reusable core for the life cycle of a model."""
