"""Learning how much of each component to remove: what is learned from, the bank, its module, and recipes."""
