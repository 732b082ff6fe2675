"""The console script, and ``python -m govsdk.cli``.

Ctrl-C waits until what answers it is loaded: no import ends in a traceback.
"""

import signal


def main() -> None:
    """Run one verb and leave with its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    from govsdk.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
