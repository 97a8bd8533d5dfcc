"""The command line of konsens."""
