"""What `make bench` measures; see __main__.py."""
