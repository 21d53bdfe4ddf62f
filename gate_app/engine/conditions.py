"""Asking first: reads everything a decision needs, live, into one `Conditions`.

Rules of the file: what cannot be read becomes an Unknown with its reason and never a default (invariant 4);
people are compared by id, and a configured login that changed hands is unknown, not obeyed (case 59).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import TypeVar

from gate_app.domain.calendar import Calendar, at_work, freezes, working
from gate_app.domain.commands import Command, parse
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Head, Standing
from gate_app.domain.events import ButtonPressed, CommandGiven, Event, RerunRequested
from gate_app.domain.freezes import Freeze
from gate_app.domain.learned import is_first
from gate_app.domain.model import Authorship, Change, Person, Purpose, Repository, Unknown
from gate_app.domain.overrides import EVERYWHERE
from gate_app.domain.overriding import asked_after
from gate_app.domain.ownership import Ownership
from gate_app.domain.ownership import named as named_among
from gate_app.domain.policy import Environment, Permission, Policy, PolicyProblem
from gate_app.domain.proposals import Proposal
from gate_app.domain.run import Run, RunState
from gate_app.domain.shipping import Difference, Shipment, shipment_of
from gate_app.domain.worktime import Span
from gate_app.engine.elsewhere import Elsewhere, Looking, or_unknown
from gate_app.engine.owning import Owning
from gate_app.engine.ports import (
    Clock,
    Comparison,
    Globs,
    Hub,
    LiveChange,
    LiveHead,
    OwnersReader,
    PastReader,
    PolicyAbsent,
    PolicyFile,
    PolicyReader,
    PolicyRefused,
    Sight,
    Store,
)
from gate_app.engine.presence import from_person, interrupted_at, since_kept
from gate_app.engine.proposing import Compare, Proposing
from gate_app.engine.sighting import after, nothing_sighted, sighted
from gate_app.errors import HubRefused, HubUnavailable

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class _Learned:
    """What is asked once and kept with the run."""

    shipments: Mapping[str, Shipment | Unknown]
    proposal: Proposal | Unknown | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Reads under way for one decision."""

    head: Future[Head | Unknown]
    authorship: Future[Authorship | Unknown]
    standings: Mapping[int, Future[Standing | Unknown]]
    comments: Mapping[int, Future[str | Unknown]]
    identities: Mapping[str, Future[int | Unknown]]
    compared: Mapping[str, int]
    teams: Mapping[str, Future[int | Unknown]]
    learned: Future[_Learned]
    issues: Mapping[int, Future[Person | Unknown | None]]
    elsewhere: Looking
    environments: Mapping[str, EnvironmentFacts]
    owners: Mapping[str, Ownership | Unknown]

    def answered(
        self,
        now: datetime,
        policy: Policy | PolicyProblem | Unknown,
        freezes: Mapping[str, Freeze | Unknown | None],
        working: Mapping[str, tuple[Span, ...] | Unknown],
        channels: tuple[str, ...],
        at_work: Mapping[str, bool | Unknown],
    ) -> Conditions:
        """Waits for all of them. `now` was before the first: no fact is older than it claims to be."""
        elsewhere = self.elsewhere.seen()
        return Conditions(
            now=now,
            policy=policy,
            head=self.head.result(),
            authorship=self.authorship.result(),
            standings=self._standings(),
            comments={key: read.result() for key, read in self.comments.items()},
            identities={**self.compared, **{key: read.result() for key, read in self.identities.items()}},
            environments=self.environments,
            issues={key: read.result() for key, read in self.issues.items()},
            shipments=self.learned.result().shipments,
            proposal=self.learned.result().proposal,
            checks=elsewhere.checks,
            workflow_runs=elsewhere.workflow_runs,
            deployments=elsewhere.deployments,
            routes=elsewhere.routes,
            held=elsewhere.held,
            freezes=freezes,
            working=working,
            owners=self.owners,
            channels=channels,
            at_work=at_work,
        )

    def _standings(self) -> Mapping[int, Standing | Unknown]:
        """What people may; a team counts for them only if its name certainly means the team that was meant."""
        doubtful = {team for team, read in self.teams.items() if isinstance(read.result(), Unknown)}
        found = {key: read.result() for key, read in self.standings.items()}
        return {
            key: standing if isinstance(standing, Unknown) else _certain(standing, doubtful)
            for key, standing in found.items()
        }


def _certain(standing: Standing, doubtful: Collection[str]) -> Standing:
    certain = tuple(team for team in standing.teams if team not in doubtful)
    return replace(standing, teams=certain, doubtful=tuple(t for t in standing.teams if t in doubtful))


@dataclass(frozen=True, slots=True)
class Gathering:
    """Reads the world for one run at a time; `at_once` runs the reads that do not wait for one another.

    `channels` are the names of those that the operator has, `past` tells what a proposed gate file would have asked.
    """

    hub: Hub
    store: Store
    read_policy: PolicyReader
    touches: Globs
    calendar: Calendar
    owned: OwnersReader
    at_once: Executor
    now: Clock
    channels: Collection[str] = ()
    past: PastReader | None = None

    def policy(self, repository: Repository) -> Policy | PolicyProblem | Unknown | PolicyAbsent:
        """The gate file of the trusted ref, under the floor of its organisation, read now."""
        return self._policy(self._file(repository), self._floor(repository))

    def _file(
        self, repository: Repository, seen: Sight | None = None
    ) -> PolicyFile | PolicyRefused | PolicyAbsent | Unknown:
        if seen is not None:
            return seen.policy
        return or_unknown(lambda: self.hub.policy_file(repository))

    def _floor(self, repository: Repository) -> PolicyFile | PolicyRefused | PolicyAbsent | Unknown:
        return or_unknown(lambda: self.hub.floor_file(repository))

    def _policy(
        self,
        file: PolicyFile | PolicyRefused | PolicyAbsent | Unknown,
        floor: PolicyFile | PolicyRefused | PolicyAbsent | Unknown,
    ) -> Policy | PolicyProblem | Unknown | PolicyAbsent:
        """Without a gate file there is nothing to bring up; with one, a floor that cannot be read closes (case 97)."""
        if isinstance(file, PolicyAbsent | Unknown):
            return file
        if isinstance(file, PolicyRefused):
            return PolicyProblem("policy_invalid", file.detail)
        if isinstance(floor, Unknown):
            return Unknown(floor.code, f"the floor of the organisation: {floor.detail}")
        if isinstance(floor, PolicyRefused):
            return PolicyProblem(
                "policy_invalid", f"the floor of the organisation: {floor.detail}", file.blob_sha
            )
        read = self.read_policy(file, floor if isinstance(floor, PolicyFile) else None)
        return read if isinstance(read, Policy) else PolicyProblem("policy_invalid", read, file.blob_sha)

    def conditions(self, run: Run, event: Event, live: LiveChange | None = None) -> Conditions:
        """One picture of the world for one decision about `run`. `live` is a head read in this very step.

        Everything is asked at once, by the pinned policy; only if the gate file is another one by now, what
        depends on it is asked again.
        """
        now = self.now()
        pinned = run.policy if isinstance(run.policy, Policy) else None
        sight = sighted(self.hub, run, pinned, self.at_once)
        reading = after(sight, lambda seen: self.at_once.submit(self._file, run.change.repository, seen))
        floor = self.at_once.submit(self._floor, run.change.repository)
        asked = self._ask(run, event, live, pinned, sight)
        policy = self._policy(reading.result(), floor.result())
        if isinstance(policy, PolicyAbsent):
            policy = PolicyProblem("policy_missing", "The default branch has no gate file any more.")
        if isinstance(policy, Policy) and (pinned is None or policy.blob_sha != pinned.blob_sha):
            asked = self._ask(run, event, live, policy, nothing_sighted())
        frozen, hours = freezes(policy, self.calendar, now), working(run, policy, self.calendar, now)
        named = policy.notify if isinstance(policy, Policy) else ()
        heard = tuple(name for name in named if name in self.channels)
        return asked.answered(now, policy, frozen, hours, heard, at_work(policy, self.calendar, now))

    def _ask(
        self,
        run: Run,
        event: Event,
        live: LiveChange | None,
        rules: Policy | None,
        sight: Future[Sight | None],
    ) -> _Asked:
        """Starts every read that does not wait for another one; what only the store knows is read here."""
        repository, submit = run.change.repository, self.at_once.submit
        environments = self.store.environments(repository.id, _names(rules))
        owners = Owning(self.hub, self.owned).of(run, rules, environments)
        owning_users, owning_teams = named_among(owners)
        people = _people(run, event, environments)
        logins = (*_logins(run, event, rules), *(owning_users if people else ()))
        compared = _compared(run, rules)
        named = tuple(dict.fromkeys((*logins, *compared)))
        owed = asked_after(event, environments.get(EVERYWHERE))
        known = self.store.pinned_identities(repository.id, named) if named else {}
        asked_about = [login for login in named if login in logins or login not in known]
        groups = rules.organisations() if rules else ()
        teams = tuple(dict.fromkeys((*rules.teams(), *owning_teams))) if rules else ()
        meant = self._meant(repository, rules, teams) if rules and teams else {}
        asked = [team for team in teams if people or team not in meant]
        return _Asked(
            head=after(sight, lambda seen: submit(self._head, run, event, _head_of(live, seen))),
            authorship=submit(self._authorship, run),
            standings={person.id: submit(self._standing, run, person, teams, groups) for person in people},
            comments={each: submit(self._comment, repository, each) for each in _comments(run, event)},
            teams={each: submit(self._team, repository, rules, each, meant.get(each)) for each in asked},
            identities={
                each: submit(self._identity, repository, each, known.get(each)) for each in asked_about
            },
            compared={login: known[login] for login in compared if login in known},
            learned=submit(self._learned, run, rules, environments),
            elsewhere=Elsewhere(self.hub, self.store).look(run, rules, event, self.at_once, sight),
            issues={
                each: submit(or_unknown, partial(self.hub.issue_closer, repository, each)) for each in owed
            },
            environments=environments,
            owners=owners,
        )

    def _learned(self, run: Run, rules: Policy | None, facts: Mapping[str, EnvironmentFacts]) -> _Learned:
        """What is learned from comparisons; each of them is asked for once."""
        compare = cache(lambda base: self._compared(run.change, base))
        shipments = self._shipments(run, rules, facts, compare)
        return _Learned(shipments, Proposing(self.hub, self.read_policy, self.past).of(run, rules, compare))

    def _shipments(
        self, run: Run, rules: Policy | None, facts: Mapping[str, EnvironmentFacts], compare: Compare
    ) -> Mapping[str, Shipment | Unknown]:
        """What would ship to every environment that may still ask, where that is not known yet."""
        if rules is None or run.state is not RunState.OPEN:
            return {}
        found: dict[str, Shipment | Unknown] = {}
        for environment in rules.environments:
            known = facts.get(environment.name, EnvironmentFacts(environment.name))
            base = known.running.sha if known.running else run.change.base_sha
            if _knows_shipment(run, environment, base, known):
                continue
            between = compare(base)
            if isinstance(between, Unknown):
                found[environment.name] = between
                continue
            what = Difference(
                base,
                is_first(environment, known),
                between.ahead,
                between.behind,
                between.messages,
                between.files,
                between.lines,
                between.authorship,
            )
            proposed = run.change.subject.number is not None
            found[environment.name] = shipment_of(what, environment, proposed, self.touches)
        return found

    def _compared(self, change: Change, base: str) -> Comparison | Unknown:
        return or_unknown(lambda: self.hub.compare(change.repository, base, change.head.sha))

    def _head(self, run: Run, event: Event, live: LiveHead | None) -> Head | Unknown:
        change = run.change
        if run.purpose is Purpose.ROLLBACK:  # its content is fixed; no branch or pull request has it as head
            return Head(change.head.sha, change.base_ref, open=True)
        found = live if live is not None else self._live(change)
        if isinstance(found, Unknown):
            return found
        away, since = interrupted_at(self.hub, run, event, found), since_kept(self.hub, run)
        if isinstance(away, Unknown):
            return away
        if isinstance(since, Unknown):
            return since
        told = (found.sha, found.base_ref, found.open, found.merged, found.labels, found.default_branch)
        return Head(*told, away, since)

    def _live(self, change: Change) -> LiveHead | Unknown:
        return or_unknown(lambda: self.hub.live_change(change.repository, change.subject).head)

    def _authorship(self, run: Run) -> Authorship | Unknown:
        if run.authorship is not None:
            return run.authorship
        if run.purpose is Purpose.ROLLBACK:
            return Authorship(())
        return or_unknown(lambda: self.hub.authorship(run.change))

    def _standing(
        self, run: Run, person: Person, teams: tuple[str, ...], organisations: tuple[str, ...]
    ) -> Standing | Unknown:
        """A definite no of GitHub (an app actor, an account that is gone) is no permission, not a fault (66)."""
        try:
            return self.hub.standing(run.change.repository, person, teams, organisations)
        except HubUnavailable as fault:
            return Unknown("hub_unavailable", str(fault))
        except HubRefused:
            return Standing(person, Permission.NONE)

    def _comment(self, repository: Repository, comment_id: int) -> str | Unknown:
        return or_unknown(lambda: self.hub.comment_fingerprint(repository, comment_id))

    def _meant(self, repository: Repository, rules: Policy, teams: Sequence[str]) -> Mapping[str, int]:
        """Which team each name meant when this gate file was first read with it (case 62)."""
        names = {_pin(rules, team): team for team in teams}
        pinned = self.store.pinned_identities(repository.id, tuple(names))
        return {names[pin]: team_id for pin, team_id in pinned.items()}

    def _team(
        self, repository: Repository, rules: Policy | None, team: str, pinned: int | None
    ) -> int | Unknown:
        found = or_unknown(lambda: self.hub.team_id(repository, team))
        if isinstance(found, Unknown):
            return found
        if found is None:
            return Unknown("no_such_team", team)
        if pinned is not None and pinned != found:
            return Unknown("team_changed_hands", team)
        if pinned is None and rules is not None:
            self.store.pin_identity(repository.id, _pin(rules, team), found)
        return found

    def _identity(self, repository: Repository, login: str, pinned: int | None) -> int | Unknown:
        found = or_unknown(lambda: self.hub.identity(repository, login))
        if isinstance(found, Unknown):
            return found
        if found is None:
            return Unknown("no_such_account", login)
        if pinned is not None and pinned != found:
            return Unknown("login_changed_hands", login)
        if pinned is None:
            self.store.pin_identity(repository.id, login, found)
        return found


def _head_of(live: LiveChange | None, seen: Sight | None) -> LiveHead | None:
    """What was read in this very step already."""
    if live is not None:
        return live.head
    return seen.head if seen is not None else None


def _pin(rules: Policy, team: str) -> str:
    """A team is meant by a gate file, so whoever changes the file says anew which one."""
    return f"{rules.blob_sha}:{team}"


def _knows_shipment(run: Run, environment: Environment, base: str, facts: EnvironmentFacts) -> bool:
    """Whether nothing has to be compared: the gate is closed, or it was done for the same base and paths, whole."""
    gate, known = run.gates.get(environment.name), run.shipments.get(environment.name)
    if gate is None or gate.closing or gate.release:
        return True
    if known is None or (environment.approval.contributors == "shipped" and known.authorship is None):
        return False
    looked_for = (base, is_first(environment, facts), environment.paths, environment.globs)
    return (known.base, known.first, known.paths, known.looked_for) == looked_for


def _people(
    run: Run, event: Event, facts: Mapping[str, EnvironmentFacts] | None = None
) -> tuple[Person, ...]:
    """Everybody whose standing the decision may turn on, those among them who delegated to somebody who answers."""
    open_gates = [gate for gate in run.every_gate if gate.turns_on_answers]
    people = {answer.person.id: answer.person for gate in open_gates for answer in gate.answers}
    people |= {gate.override.by.id: gate.override.by for gate in open_gates if gate.override is not None}
    if isinstance(event, CommandGiven | ButtonPressed | RerunRequested) and from_person(event):
        people[event.person.id] = event.person
    delegations = [each for known in (facts or {}).values() for each in known.delegations]
    people |= {
        each.by.id: each.by for each in delegations if each.to.id in people and each.by.id not in people
    }
    return tuple(people.values())


def _comments(run: Run, event: Event) -> tuple[int, ...]:
    """The comments that carry answers: how they read now matters (cases 35, 37)."""
    open_gates = [gate for gate in run.every_gate if gate.turns_on_answers]
    given = [answer for gate in open_gates for answer in gate.answers if not answer.voided]
    ids = [answer.comment_id for answer in given if answer.comment_id is not None]
    ids += [gate.override.comment_id for gate in open_gates if gate.override is not None]
    if isinstance(event, CommandGiven) and from_person(event):
        ids.append(event.comment_id)
    return tuple(dict.fromkeys(ids))


def _logins(run: Run, event: Event, rules: Policy | None) -> tuple[str, ...]:
    """Configured logins, needed as account ids only when there is an answer to judge."""
    if rules is None or not _people(run, event):
        return ()
    command = parse(event.line, _names(rules)) if isinstance(event, CommandGiven) else None
    delegated = command.verb == "delegate" if isinstance(command, Command) else False
    named = dict(command.values).get("login") if isinstance(command, Command) and delegated else None
    return (*rules.logins(), named) if named else rules.logins()


def _compared(run: Run, rules: Policy | None) -> tuple[str, ...]:
    """Logins that are only compared, with the author or contributors: as whom they were meant, once known (case 59)."""
    open_gates = any(gate.turns_on_answers for gate in run.every_gate)
    return (*rules.authors(), *rules.logins()) if rules is not None and open_gates else ()


def _names(rules: Policy | None) -> tuple[str, ...]:
    """The environments of the policy, and what concerns all of them."""
    return (*(environment.name for environment in rules.environments), EVERYWHERE) if rules else ()
