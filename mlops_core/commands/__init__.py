"""The commands of `python -m mlops_core`, one file a group. Each is a function of its arguments that returns an Outcome."""
