"""Organizations: who is in them. Source: REST docs "Organization members".

Whoever is in a team is in its organization; an owner is one of its administrators. What base permission the
organization gives to its members is left at none.
"""

from __future__ import annotations

from gate_app.standin import people
from gate_app.standin.errors import GitHubError
from gate_app.standin.people import Member, Membership, Person, Team
from gate_app.standin.state import JsonObject, Transaction


def set_member(tx: Transaction, login: str, person: Person, role: str, state: str) -> None:
    """Put a person into an organization as admin or member; the role `none` takes the person out."""
    organization = people.account(tx, login)
    if organization.type != "Organization":
        raise GitHubError(422, f"{login} is a user; only organizations have members")
    tx.delete(Member, organization_id=organization.id, person_id=person.id)
    if role != "none":
        facts = {"organization_id": organization.id, "person_id": person.id}
        tx.insert(Member, **facts, role=role, state=state)
    tx.announce("organization.changed", organization=login, login=person.login, role=role, state=state)


def member(tx: Transaction, organization: Person, person: Person) -> tuple[str, str] | None:
    """The role and state of a person in an organization, or None."""
    found = tx.get(Member, organization_id=organization.id, person_id=person.id)
    if found:
        return found.role, found.state
    rows = tx.every(Membership, person_id=person.id)
    within = [row for row in rows if tx.get(Team, id=row.team_id, organization_id=organization.id)]
    return ("member", min(row.state for row in within)) if within else None


def render_membership(tx: Transaction, organization: Person, person: Person) -> JsonObject | None:
    """The body of "Get organization membership for a user", or None if there is none."""
    found = member(tx, organization, person)
    if found is None:
        return None
    url = f"{tx.url}/orgs/{organization.login}"
    return {
        "url": f"{url}/memberships/{person.login}",
        "state": found[1],
        "role": found[0],
        "organization_url": url,
        "organization": people.render_organization(tx, organization),
        "user": people.render(tx, person),
        "direct_membership": True,
    }
