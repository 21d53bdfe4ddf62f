"""The order of steps and transactions; no SQL, no HTTP. Start reading at `ports`, then `gatekeeper`."""
