"""Learning for a target domain from labels of other domains."""
