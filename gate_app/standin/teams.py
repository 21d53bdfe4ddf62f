"""Teams of organizations and who is in them.

Rules of this file, from the REST docs "Teams", "Team members":

* The members of a team's child teams are its members, too. A membership may be pending: invited, not yet in.
* An owner of the organization who is in a team is shown as its maintainer.
"""

from __future__ import annotations

from collections.abc import Iterator

from gate_app.standin import people
from gate_app.standin.errors import GitHubError, invalid
from gate_app.standin.people import Member, Membership, Person, Team, TeamRole
from gate_app.standin.state import JsonObject, Transaction, node_id


def team(tx: Transaction, organization: str, slug: str) -> Team | None:
    """The team of this organization with this slug."""
    owner = people.by_login(tx, organization)
    return tx.get(Team, organization_id=owner.id, slug=slug) if owner else None


def ensure(tx: Transaction, organization: str, slug: str) -> Team:
    """The team of this organization with this slug, made if there is none."""
    owner = people.account(tx, organization)
    if owner.type != "Organization":
        raise GitHubError(422, f"{organization} is a user; only organizations have teams")
    found = team(tx, organization, slug)
    return found or tx.insert(Team, organization_id=owner.id, slug=slug, name=slug, created_at=tx.now)


def set_parent(tx: Transaction, found: Team, parent: Team) -> Team:
    """Put a team into another one. 422 if that one is within it."""
    if found in (parent, *_above(tx, parent)):
        raise invalid("Team", "parent", f"{parent.slug} is within {found.slug}")
    return tx.update(found, parent_id=parent.id)


def set_role(tx: Transaction, found: Team, repository_id: int, role: str) -> None:
    """Give the members of a team a role on a repository; `none` takes it away."""
    tx.delete(TeamRole, team_id=found.id, repository_id=repository_id)
    if role != "none":
        tx.insert(TeamRole, team_id=found.id, repository_id=repository_id, role=role)


def _above(tx: Transaction, found: Team) -> Iterator[Team]:
    parent = tx.get(Team, id=found.parent_id) if found.parent_id else None
    if parent:
        yield parent
        yield from _above(tx, parent)


def _within(tx: Transaction, found: Team) -> Iterator[Team]:
    """The team and those within it."""
    yield found
    for child in tx.every(Team, parent_id=found.id):
        yield from _within(tx, child)


def membership(tx: Transaction, found: Team, person: Person) -> Membership | None:
    """The person's place in a team or in one within it; an active one before a pending one."""
    places = [tx.get(Membership, team_id=one.id, person_id=person.id) for one in _within(tx, found)]
    known = [place for place in places if place is not None]
    return min(known, key=lambda place: place.state, default=None)


def members(tx: Transaction, found: Team, role: str = "all") -> list[Person]:
    """The active members of a team and those within it: all, its members or its maintainers."""
    rows = [row for one in _within(tx, found) for row in tx.every(Membership, team_id=one.id, state="active")]
    ids = dict.fromkeys(row.person_id for row in rows)
    everybody = [people.by_id(tx, identifier) for identifier in ids]
    return [
        person
        for person in everybody
        if not person.suspended and role in ("all", _shown_role(tx, found, membership(tx, found, person)))
    ]


def roles(tx: Transaction, repository_id: int, person: Person) -> list[str]:
    """The roles on a repository that a person has by teams; a team has those of the teams above it."""
    rows = tx.every(Membership, person_id=person.id, state="active")
    own = [team for row in rows if (team := tx.get(Team, id=row.team_id))]
    ids = {team.id for one in own for team in (one, *_above(tx, one))}
    return [row.role for row in tx.every(TeamRole, repository_id=repository_id) if row.team_id in ids]


def _shown_role(tx: Transaction, found: Team, place: Membership | None) -> str:
    if place is None:
        return "member"
    where = {"organization_id": found.organization_id, "person_id": place.person_id}
    return "maintainer" if tx.get(Member, **where, role="admin", state="active") else place.role


def set_membership(
    tx: Transaction, organization: str, slug: str, person: Person, state: str, role: str
) -> Membership:
    """Put a person into a team, which is made if there is none."""
    found = ensure(tx, organization, slug)
    tx.delete(Membership, team_id=found.id, person_id=person.id)
    tx.announce("membership.changed", team=f"{organization}/{slug}", login=person.login, state=state)
    return tx.insert(Membership, team_id=found.id, person_id=person.id, state=state, role=role)


def delete_membership(tx: Transaction, organization: str, slug: str, person: Person) -> None:
    """Take a person out of a team, if both are there."""
    found = team(tx, organization, slug)
    if found:
        tx.delete(Membership, team_id=found.id, person_id=person.id)
        tx.announce("membership.deleted", team=f"{organization}/{slug}", login=person.login)


def delete_team(tx: Transaction, organization: str, slug: str) -> None:
    """Delete a team and its memberships, if it is there; one made later under its slug is another team."""
    found = team(tx, organization, slug)
    if found:
        tx.delete(Membership, team_id=found.id)
        tx.delete(TeamRole, team_id=found.id)
        tx.delete(Team, id=found.id)
        tx.announce("team.deleted", team=f"{organization}/{slug}")


def render_team(tx: Transaction, found: Team) -> JsonObject:
    """The full body of `GET /orgs/{org}/teams/{slug}`."""
    owner = people.by_id(tx, found.organization_id)
    parent = tx.get(Team, id=found.parent_id) if found.parent_id else None
    zeros = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    organization = {
        **people.render_organization(tx, owner),
        **zeros,
        "html_url": f"{tx.url}/{owner.login}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "created_at": owner.created_at,
        "updated_at": owner.updated_at,
        "archived_at": None,
        "type": "Organization",
    }
    return {
        **_render_simple(tx, found),
        "parent": _render_simple(tx, parent) if parent else None,
        "members_count": len(members(tx, found)),
        "repos_count": tx.count(TeamRole, team_id=found.id),
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "organization": organization,
    }


def _render_simple(tx: Transaction, found: Team) -> JsonObject:
    owner = people.by_id(tx, found.organization_id)
    api = f"{tx.url}/organizations/{owner.id}/team/{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("Team", found.id),
        "url": api,
        "html_url": f"{tx.url}/orgs/{owner.login}/teams/{found.slug}",
        "name": found.name,
        "slug": found.slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "members_url": f"{api}/members{{/member}}",
        "repositories_url": f"{api}/repos",
        "type": "organization",
    }


def render_membership(tx: Transaction, found: Team, person: Person) -> JsonObject | None:
    """The body of a team membership, or None if the person has none."""
    place = membership(tx, found, person)
    if place is None:
        return None
    url = f"{tx.url}/organizations/{found.organization_id}/team/{found.id}/memberships/{person.login}"
    return {"url": url, "role": _shown_role(tx, found, place), "state": place.state}
