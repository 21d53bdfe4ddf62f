"""`gate-app try`: the whole story on one machine, on a sample service or on the user's own repository.

Rules of the room: the App under trial is the App of production, in its own processes, spoken to only over HTTP
and looked at only by reading; the user's checkout is only ever read; whatever was started is ended on every
way out. The way of the data: repository → configuration → scene (what the stand-in is told) → processes →
picture → standing → story, with `answers` for what people say, `progress` for what is shown live and `report`
for what remains.
"""
