"""The pull request page: the stand-in as a person sees it in a browser, and acts in it.

Rules of this room:

* It works on the same state as the REST API, through the same functions; a page is a look at one instant.
* Pages are complete without JavaScript. The script only fetches the same address again and changes what
  differs, so that nothing typed, opened or focused is lost.
* Whatever anybody wrote is inert: templates escape, Markdown passes a sanitizer, and the policy of the answer
  lets no script, style or picture in but ours.
* No cookie and no login: who acts is part of the address, so each tab may be somebody else. That is safe only
  because the server listens on the loopback address and `guard` turns away every other site.
* It looks often instead of holding a connection open: browsers open six at most to one server, and a look at
  what has not changed costs neither a rendering nor a thread that waits.
"""
