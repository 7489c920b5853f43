"""What the command lines do, one file each."""
