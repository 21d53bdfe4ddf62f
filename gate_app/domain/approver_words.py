"""Who can answer and how, in words: for the question, the tree of reasons and the replies to commands.

Rules of the file: the trusted policy names the people; only the question mentions them (an edit notifies
nobody, a mention does); everywhere else they are boxed like any other text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gate_app.domain.inert import code, plain
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ApproverLine, Environment, Permission
from gate_app.domain.rollback import rollback_approval
from gate_app.domain.run import Run

Naming = Callable[[str], str]


def wanted(environment: Environment) -> str:
    """Who has to approve, in a sentence: `one person with write permission who did not contribute`."""
    return _people(environment, code)


def wanted_for_rollback(environment: Environment) -> str:
    """The same for a way back: somebody else than who asked for it."""
    approval = replace(rollback_approval(environment), self_approval=True)
    return _people(replace(environment, approval=approval), code) + ", not who asked for it"


def mentioned(run: Run, environment: Environment) -> str:
    """The same for the question, mentioning those whom the policy names; the author is not mentioned."""
    return _people(environment, _mentioning(run))


def mentioned_for_rollback(run: Run, environment: Environment) -> str:
    """The same for the way back, where contributors may answer: it takes their work out, not in."""
    approval = replace(rollback_approval(environment), self_approval=True)
    asked = [person for gate in run.gates.values() for person in gate.requesters]
    apart = f", but not {', '.join(code(person.login) for person in asked)}" if asked else ""
    return mentioned(run, replace(environment, approval=approval)) + apart


def many(count: int, noun: str, plural: str = "") -> str:
    """`1 commit`, `2 commits`; `plural` where an s is not enough."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def how_to_answer(run: Run, environment: str) -> str:
    """What to type, or to press where there is no conversation to type in."""
    if run.change.conversation is None:
        return "This commit has no pull request to talk in: answer with the buttons of its check run."
    name = plain(environment, 100)
    return (
        f"Answer with the buttons of the check run, or in a new comment on the pull request: "
        f"`/approve {name}` or `/deny {name} reason`."
    )


def group(facts: Mapping[str, Iterable[str]], naming: Naming = code) -> str:
    """Whom one line of the policy asks for: `octocat or hubot, with maintain permission`.

    `facts` are the values of its keys: `users`, `teams`, `organisations`, `roles`, `permission`, and `owners`, each a
    set of code owners and one of their files.
    """
    owners = f"the code owners of what changes ({'; '.join(facts['owners'])})" if facts.get("owners") else ""
    lists = [" or ".join(map(naming, facts[key])) for key in ("users", "teams") if facts.get(key)]
    named = " in ".join([*filter(None, (owners,)), *lists])
    traits = [say(" or ".join(facts[key])) for key, say in _TRAITS.items() if facts.get(key)]
    if named:
        return ", ".join([named, *traits])
    return f"people {' and '.join(traits)}" if traits else "the people whom the gate file names"


_TRAITS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "organisations": lambda names: f"of {plain(names, 200)}",
        "roles": lambda names: f"with role {plain(names, 200)}",
        "permission": lambda name: f"with {name} permission",
    }
)
"""What is said of people beyond who they are; nobody is mentioned by it."""


def keys_of(line: ApproverLine) -> Mapping[str, tuple[str, ...]]:
    """What a line says of people, by key; only what it says."""
    permission = () if line.permission is Permission.NONE else (line.permission.name.lower(),)
    every = {
        "users": line.users,
        "teams": line.teams,
        "organisations": line.organisations,
        "roles": line.roles,
        "permission": permission,
        "owners": _owners(line),
    }
    return {key: values for key, values in every.items() if values}


def _owners(line: ApproverLine) -> tuple[str, ...]:
    """Each set of code owners with a file of theirs, inert; a word for them while they are not known."""
    if not line.codeowners:
        return ()
    if isinstance(line.owners, Unknown):
        return ("as CODEOWNERS says",)
    return tuple(
        f"{' or '.join(code(name, 100) for name in owners.names) or 'anybody who may write'}"
        + (f" for {code(owners.file, 100)}" if owners.file else "")
        for owners in line.owners
    )


def _people(environment: Environment, naming: Naming) -> str:
    lines = [_line(line, naming) for line in environment.approval.lines]
    several = len(lines) > 1 or any(line.parts for line in environment.approval.lines)
    apart = ", all different people" if several else ""
    outside = "" if environment.approval.self_approval else " who did not contribute"
    outside += " to anything that ships" if outside and environment.approval.contributors == "shipped" else ""
    return f"{', and '.join(lines)}{apart}{outside}"


def _line(line: ApproverLine, naming: Naming) -> str:
    if line.any_of:
        return f"either {' or '.join(_part(part, naming) for part in line.any_of)}"
    if line.all_of:
        return " and ".join(_part(part, naming) for part in line.all_of)
    keys = keys_of(line)
    instead = "".join(f" or, by now, {group(keys_of(each.line), naming)}" for each in line.stand_ins)
    if line.codeowners:
        return f"{_count(line)} of {group(keys, naming)}{instead}"
    if not line.users and not line.teams:
        people = "one person" if line.count == 1 else f"{line.count} people"
        return f"{people} {group(keys, naming).removeprefix('people ')}{instead}"
    count = "one" if line.count == 1 else f"{line.count} people"
    return f"{count} of {group(keys, naming)}{instead}"


def _count(line: ApproverLine) -> str:
    """How many code owners: as many as it takes, each for what they own."""
    return "as many as it takes" if line.count == 1 else f"at least {line.count}"


def _part(line: ApproverLine, naming: Naming) -> str:
    """A part of another line, in brackets where it has parts itself."""
    return f"({_line(line, naming)})" if line.parts else _line(line, naming)


def words_of(lines: Iterable[ApproverLine]) -> str:
    """Whom lines ask for, as plain text."""
    return ", and ".join(_line(line, str) for line in lines)


def people_of(run: Run, line: ApproverLine) -> str:
    """The people of a line, mentioned where the policy names them; the author is not mentioned."""
    return _line(line, _mentioning(run)) if line.parts else group(keys_of(line), _mentioning(run))


def _mentioning(run: Run) -> Naming:
    author = run.change.author.login.lower()
    return lambda name: code(name) if name.lower() == author else f"@{name}"
