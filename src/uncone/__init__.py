"""uncone: learned post-processing of frozen text encoders."""
