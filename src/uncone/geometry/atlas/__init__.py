"""The atlas: the geometry of every layer of an encoder over a corpus, in one pass and bounded memory.

`AtlasStore` reads what a survey has written.
"""
