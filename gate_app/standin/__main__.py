"""`python -m gate_app.standin --home DIR [--port N]`: run the stand-in until it is told to end."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate_app.standin.server import Server, announce, stop_on_signals, stop_with_starter


def main() -> None:
    """Serve until a signal, or until the starter is gone if that was asked for."""
    parser = argparse.ArgumentParser(prog="gate_app.standin", description="A local stand-in for GitHub.")
    parser.add_argument("--home", type=Path, required=True, help="where the state is kept")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the starter ends")
    arguments = parser.parse_args()
    server = Server(arguments.home.resolve(), arguments.port)
    stop_on_signals(server)
    if arguments.until_stdin_closes:
        stop_with_starter(server)
    announce(server)
    server.run()


if __name__ == "__main__":
    main()
