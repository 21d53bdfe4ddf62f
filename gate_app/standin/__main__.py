"""`python -m gate_app.standin --home DIR [--port N]`: run the stand-in until it is told to end."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate_app.standin.server import main

parser = argparse.ArgumentParser(prog="gate_app.standin", description="A local stand-in for GitHub.")
parser.add_argument("--home", type=Path, required=True, help="where the state is kept")
parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
parser.add_argument("--until-stdin-closes", action="store_true", help="end when the starter ends")
arguments = parser.parse_args()
main(arguments.home.resolve(), arguments.port, until_stdin_closes=arguments.until_stdin_closes)
