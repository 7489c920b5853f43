"""Does removal help an encoder? A nested study over its layers, and its verdict in words."""
