"""``python -m govsdk.cli``: the same as ``govsdk``."""

from govsdk.cli.main import main

if __name__ == "__main__":
    main()
