"""The stand-in: a stateful local GitHub, in its own process with its own durable state.

`gate-app try` and the end-to-end tests talk to it as they would to GitHub: HTTP, App JWTs, installation
tokens, signed webhooks, git over smart HTTP. Killing the app leaves this "GitHub" intact.

Rules of this package:

* It is GitHub, not us: it imports nothing else of `gate_app`, and the app never imports it.
* The modules at the top are GitHub's things (people, pulls, checks, ...): they work on a `Transaction`, hold
  the rules and render the one body that both REST answers and webhooks carry. They know nothing of Flask.
* `face` is the HTTP surface: authentication, validation of what comes in, status codes.
* `page` is what a person sees in a browser and does there, on the same state.
* What GitHub refuses is a `GitHubError`, which the face turns into GitHub's own answer.

Start it with `python -m gate_app.standin --home DIR --port 0`, or `process.start(home)`; steer it with
`control.Control`.
"""
