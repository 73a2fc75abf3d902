"""Components v2 of the pages, one folder each; markup, style and script lie in files beside the Python."""
