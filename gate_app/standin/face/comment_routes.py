"""Comments of pull requests and reactions to them."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import apps, comments, pulls
from gate_app.standin.bodies import CommentText, NewReaction
from gate_app.standin.comments import Reaction
from gate_app.standin.errors import not_found
from gate_app.standin.face import access
from gate_app.standin.pulls import Comment

routes = Blueprint("comments", __name__)
READ = ("issues:read", "pull_requests:read")
WRITE = ("issues:write", "pull_requests:write")


@routes.get("/repos/<owner>/<name>/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> ResponseReturnValue:
    """List issue comments, oldest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, *READ).repository
        pulls.require(tx, repository, number)
        since = request.args.get("since", "")
        found = tx.every(Comment, repository_id=repository.id, number=number)
        recent = [comment for comment in found if comment.updated_at >= since]
        return [comments.render(tx, comment) for comment in access.page(recent)]


@routes.post("/repos/<owner>/<name>/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Create an issue comment."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, *WRITE)
        text = access.body(CommentText).body
        author = access.author(tx, visit.caller)
        return comments.render(tx, comments.create(tx, visit.repository, number, author, text)), 201


@routes.get("/repos/<owner>/<name>/issues/comments/<int:identifier>")
def get_comment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get an issue comment."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, *READ).repository
        return comments.render(tx, comments.require(tx, repository, identifier))


@routes.patch("/repos/<owner>/<name>/issues/comments/<int:identifier>")
def update_comment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Update an issue comment."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, *WRITE)
        comment = comments.require(tx, visit.repository, identifier)
        text = access.body(CommentText).body
        return comments.render(tx, comments.edit(tx, comment, apps.bot(tx, visit.caller.app), text))


@routes.delete("/repos/<owner>/<name>/issues/comments/<int:identifier>")
def delete_comment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Delete an issue comment."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, *WRITE)
        comment = comments.require(tx, visit.repository, identifier)
        comments.delete(tx, comment, apps.bot(tx, visit.caller.app))
    return "", 204


@routes.get("/repos/<owner>/<name>/issues/comments/<int:identifier>/reactions")
def list_reactions(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List reactions for an issue comment."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "issues:read").repository
        comment = comments.require(tx, repository, identifier)
        content = request.args.get("content")
        where = {"content": content} if content else {}
        found = tx.every(Reaction, comment_id=comment.id, **where)
        return [comments.render_reaction(tx, reaction) for reaction in access.page(found)]


@routes.post("/repos/<owner>/<name>/issues/comments/<int:identifier>/reactions")
def create_reaction(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Create a reaction for an issue comment; 200 if it is there already."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "issues:write")
        comment = comments.require(tx, visit.repository, identifier)
        bot, content = apps.bot(tx, visit.caller.app), access.body(NewReaction).content
        known = comments.reaction_of(tx, comment, bot, content)
        if known:
            return comments.render_reaction(tx, known), 200
        return comments.render_reaction(tx, comments.react(tx, comment, bot, content)), 201


@routes.delete("/repos/<owner>/<name>/issues/comments/<int:identifier>/reactions/<int:reaction_id>")
def delete_reaction(owner: str, name: str, identifier: int, reaction_id: int) -> ResponseReturnValue:
    """Delete an issue comment reaction."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "issues:write")
        comment = comments.require(tx, visit.repository, identifier)
        if tx.get(Reaction, id=reaction_id, comment_id=comment.id) is None:
            raise not_found()
        tx.delete(Reaction, id=reaction_id)
    return "", 204
