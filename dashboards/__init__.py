"""What is seen: the wall."""
