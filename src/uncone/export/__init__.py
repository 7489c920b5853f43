"""Taking it away: an encoder and its removal in the formats of other tools, one file for each."""
