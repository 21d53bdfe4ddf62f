"""People at the stand-in: who they are, which teams they are in, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.standin import API, REPOSITORY, Github, serving

from gate_app.standin.control import ControlError


@pytest.fixture
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("standin")) as found:
        yield found


def role(github: Github, login: str, where: str = API) -> tuple[str, str]:
    """The role and the older permission of a person."""
    body = github.call("GET", f"{where}/collaborators/{login}/permission", token=github.mint()).body
    return body["role_name"], body["permission"]


def membership(github: Github, team: str, login: str) -> tuple[str, str] | int:
    """The role and state of a person in a team, or what the answer was otherwise."""
    answer = github.call("GET", f"/orgs/acme/teams/{team}/memberships/{login}", token=github.mint())
    return (answer.body["role"], answer.body["state"]) if answer.status == 200 else answer.status


def test_a_suspended_person_is_not_shown(github: Github) -> None:
    github.control.set_membership("acme/sre", "reviewer")
    token = github.mint()
    person = github.call("GET", "/users/reviewer", token=token).body
    github.control.suspend_person("reviewer")
    for path in ("/users/reviewer", f"/user/{person['id']}", f"{API}/collaborators/reviewer/permission"):
        assert github.call("GET", path, token=token).status == 404
    assert membership(github, "sre", "reviewer") == 404
    assert github.call("GET", "/orgs/acme/teams/sre/members", token=token).body == []
    github.control.suspend_person("reviewer", False)
    assert role(github, "reviewer") == ("write", "write")


def test_a_bot_is_a_bot(github: Github) -> None:
    github.control.create_person("renovate[bot]", "Bot", repository=REPOSITORY, role="write")
    assert github.call("GET", "/users/renovate[bot]", token=github.mint()).body["type"] == "Bot"
    assert role(github, "renovate[bot]") == ("write", "write")


def test_the_highest_of_all_roles_counts(github: Github) -> None:
    control = github.control
    assert role(github, "stranger") == ("none", "none")
    control.set_membership("acme/backend", "stranger")
    control.change_team("acme/backend", repository=REPOSITORY, role="triage")
    assert role(github, "stranger") == ("triage", "read")
    control.change_team("acme/backend", parent="engineering")
    control.change_team("acme/engineering", repository=REPOSITORY, role="maintain")
    assert role(github, "stranger") == ("maintain", "write")
    control.set_membership("acme/backend", "stranger", state="pending")
    assert role(github, "stranger") == ("none", "none")
    control.set_member("acme", "stranger", "admin")
    assert role(github, "stranger") == ("admin", "admin")
    control.set_member("acme", "stranger", "none")
    control.change_repository(REPOSITORY, private=False)
    assert role(github, "stranger") == ("read", "read")


def test_a_role_of_the_organizations_own_has_its_name(github: Github) -> None:
    github.control.set_role(REPOSITORY, "reader", "release-manager:write")
    assert role(github, "reader") == ("release-manager", "write")
    with pytest.raises(ControlError):
        github.control.set_role(REPOSITORY, "reader", "king")


def test_the_owner_of_an_account_may_do_everything_there(github: Github) -> None:
    github.control.create_repository("author", "dotfiles")
    github.control.install("author")
    body = github.call("GET", "/users/author/installation", token=github.jwt()).body
    path = f"/app/installations/{body['id']}/access_tokens"
    token = github.call("POST", path, {}, token=github.jwt()).body["token"]
    answer = github.call("GET", "/repos/author/dotfiles/collaborators/author/permission", token=token)
    assert answer.body["role_name"] == "admin"


def test_collaborators_are_listed_by_what_they_may_do(github: Github) -> None:
    def listed(query: str) -> list[str]:
        found = github.call("GET", f"{API}/collaborators{query}", token=github.mint()).body
        return [person["login"] for person in found]

    assert listed("") == ["author", "reviewer", "maintainer", "reader"]
    assert listed("?permission=push") == ["author", "reviewer", "maintainer"]
    assert listed("?permission=admin") == []


def test_members_of_child_teams_are_members_and_owners_maintainers(github: Github) -> None:
    control = github.control
    control.set_membership("acme/oncall", "reviewer")
    control.set_membership("acme/sre", "maintainer")
    control.change_team("acme/oncall", parent="sre")
    assert membership(github, "sre", "reviewer") == ("member", "active")
    assert membership(github, "oncall", "maintainer") == 404
    control.set_member("acme", "maintainer", "admin")
    assert membership(github, "sre", "maintainer") == ("maintainer", "active")
    token = github.mint()
    team = github.call("GET", "/orgs/acme/teams/oncall", token=token).body
    assert (team["parent"]["slug"], team["members_count"]) == ("sre", 1)

    def listed(query: str) -> list[str]:
        found = github.call("GET", f"/orgs/acme/teams/sre/members{query}", token=token).body
        return [person["login"] for person in found]

    assert (listed(""), listed("?role=maintainer")) == (["maintainer", "reviewer"], ["maintainer"])
    with pytest.raises(ControlError, match="is within"):
        control.change_team("acme/sre", parent="oncall")


def test_whoever_is_only_invited_is_pending(github: Github) -> None:
    github.control.set_membership("acme/sre", "reviewer", state="pending")
    assert membership(github, "sre", "reviewer") == ("member", "pending")
    token = github.mint()
    assert github.call("GET", "/orgs/acme/memberships/reviewer", token=token).body["state"] == "pending"
    assert github.call("GET", "/orgs/acme/members/reviewer", token=token).status == 404
    github.control.set_membership("acme/sre", "reviewer")
    assert github.call("GET", "/orgs/acme/members/reviewer", token=token).status == 204
    assert github.call("GET", "/orgs/acme/memberships/stranger", token=token).status == 404
    without = github.mint(permissions={"checks": "read"})
    assert github.call("GET", "/orgs/acme/memberships/reviewer", token=without).status == 403


def test_the_repositories_of_an_organization_are_those_that_the_token_reaches(github: Github) -> None:
    github.control.create_repository("acme", "open", private=False)
    github.control.create_repository("acme", "closed")
    narrow = github.mint(repositories=["shop"])
    found = github.call("GET", "/orgs/acme/repos", token=narrow).body
    assert [repository["name"] for repository in found] == ["shop", "open"]
