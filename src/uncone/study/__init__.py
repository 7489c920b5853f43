"""Does removal help? A nested study over the layers of an encoder, on word pairs and on sentences."""
