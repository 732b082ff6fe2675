"""Certificates before verifiers that we did not write, by the commands that the pages show."""
