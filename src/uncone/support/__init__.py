"""What every room leans on and nothing of ours: arrays, threads, whole files, processes that share work."""
