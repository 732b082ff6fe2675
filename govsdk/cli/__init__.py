"""The command line: thin. Parse, call the SDK, print; the exit code follows the error's family."""
