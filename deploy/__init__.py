"""The local stack and what production needs to run."""
