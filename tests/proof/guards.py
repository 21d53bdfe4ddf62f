"""The guards of the security core, by name: what each reads like, and how it reads when it is taken out.

Rules of the file: a guard is one condition of ours whose loss would open a gate, believe a stranger, do something
twice or forget something; `text` stands exactly once in its file; `without` is the same place with the guard gone,
still valid Python; `caught_by` are the tests that must notice, the fewest that do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Guard:
    """One guard: its name, its file below `gate_app/`, its text, the text without it, and who must notice."""

    name: str
    file: str
    text: str
    without: str
    caught_by: tuple[str, ...]


def _of(file: str, *caught_by: str, **texts: tuple[str, str]) -> list[Guard]:
    tests = tuple(f"tests/{test}.py" for test in caught_by)
    return [Guard(name, file, text, without, tests) for name, (text, without) in texts.items()]


GUARDS: Final[tuple[Guard, ...]] = (
    *_of(
        "domain/redeeming.py",
        "domain/test_grants",
        a_job_is_of_the_repository=(
            "if (job.repository_id, job.repository) != (change.repository.id, change.repository.full_name):",
            "if False:",
        ),
        a_job_is_of_the_owner=("if change.repository.owner_id not in (0, job.owner_id):", "if False:"),
        a_job_is_started_by_whom_may_write=("if job.event not in REDEEMING_EVENTS:", "if False:"),
        a_job_runs_from_the_default_branch=("if not job.is_on(change.default_branch):", "if False:"),
        a_job_is_in_the_environment_of_the_gate=('if job.environment not in ("", environment):', "if False:"),
        a_push_redeems_for_its_own_commit=('if job.event == "push" and job.sha != change.head.sha:', "if False:"),
        only_the_named_file_redeems=('if named and {job.workflow, job.called_from} != {named}:', "if False:"),
        a_job_that_may_not_redeem_opens_nothing=(
            "if job is None or unfit_for(job, run, gate.environment, route) is not None:",
            "if job is None:",
        ),
        a_redemption_is_of_this_decision=(
            "draft.put_gate(replace(gate, asks=asks, redeeming=None))",
            "draft.put_gate(replace(gate, asks=asks))",
        ),
        a_redemption_is_fresh=("now - gate.asks[-1].at > GOOD_FOR", "False"),
        what_failed_is_granted_no_more=(
            "    if release.status is ReleaseStatus.FAILED:\n        ended",
            "    if False:\n        ended",
        ),
        there_is_one_redeemer=(
            "if release.redeemed is not None and release.redeemed != ask.job:",
            "if False:",
        ),
        a_dispatched_run_redeems_in_its_first_attempt=(
            "(job.run_id, job.attempt) != ours",
            "job.run_id != ours[0]",
        ),
        a_grant_follows_the_deployment_record=(
            "if _deploying(run, gate.environment) is not None:",
            "if True:",
        ),
        a_report_is_of_the_job_that_deploys=("release.redeemed.run != job.run", "False"),
    ),
    *_of(
        "domain/grants.py",
        "domain/test_grants",
        every_ref_is_that_of_the_branch=(
            "{self.run_ref, self.workflow_ref, self.called_from_ref} == {wanted}",
            "self.run_ref == wanted",
        ),
        a_branch_is_known=("return bool(branch) and ", "return "),
    ),
    *_of(
        "domain/releasing.py",
        "domain/test_grants",
        a_grant_needs_its_redeemer=("return release.redeemed is None", "return False"),
        a_redeemed_release_is_deployed_by_its_job=("    if release.redeemed:\n        return GrantRoute()\n", ""),
    ),
    *_of(
        "trust/oidc.py",
        "trust/test_oidc",
        one_algorithm=('header.get("alg") != ALGORITHM or ', ""),
        a_header_holds_what_it_may=(" or not _HEADER.issuperset(header)", ""),
        one_issuer=('if claims.get("iss") != expectations.issuer:', "if False:"),
        one_audience=('if claims.get("aud") != expectations.audience:', "if False:"),
        times_are_whole_numbers=("if not all(type(each) is int for each in times):", "if False:"),
        a_token_lives_for_minutes=("not 0 < exp - iat <= MAX_TOKEN_SECONDS or ", ""),
        a_token_has_begun=(" or max(nbf, iat) > moment + leeway", ""),
        a_token_ends=("if moment >= exp + leeway:", "if False:"),
        a_key_is_there_once=("    if len(members) != len(pairs):", "    if False:"),
        a_token_is_short=("if len(unverified_token) > MAX_JOB_TOKEN_CHARS:", "if False:"),
        a_file_is_of_the_repository=('found["repository"] != repository', "False"),
        an_owner_owns_the_repository=('if repository.partition("/")[0] != texts["repository_owner"]:', "if False:"),
        a_tag_is_no_branch=(
            'if (texts["ref_type"] == "branch") != texts["ref"].startswith(("refs/heads/", "refs/pull/")):',
            "if False:",
        ),
        claims_are_made_here=("        if self.seal is not _SEAL:", "        if False:"),
    ),
    *_of(
        "trust/keyring.py",
        "trust/test_keyring",
        the_issuer_is_asked_once_a_minute=("if now - self._asked_at < REFRESH_SECONDS:", "if False:"),
        an_empty_answer_is_not_kept=("            if not found:", "            if False:"),
        one_asks_and_nobody_waits=("            if self._asking:", "            if False:"),
        keys_are_not_believed_for_ever=(
            "return self._keys if self._monotonic() - self._read_at <= KEPT_SECONDS else {}",
            "return self._keys",
        ),
        a_key_is_long=("key.key_size >= MIN_KEY_BITS", "True"),
        a_key_set_is_bounded=(" or len(listed) > MAX_KEYS", ""),
    ),
    *_of(
        "domain/keeping.py",
        "domain/test_keeping",
        only_the_same_tree_keeps_an_approval=("then.head.tree == now.head.tree and ", ""),
        a_kept_approval_has_equal_or_better_evidence=(
            " and _evidence_holds(run, environment, kept)",
            "",
        ),
        nothing_is_kept_where_somebody_said_no=(" or gate.denials or", " or"),
        a_kept_approval_forgives_one_push=("head.since_kept in ((), (PUSHED_OVER,))", "head.since_kept is not None"),
        a_change_of_the_gate_file_keeps_nothing=("run.proposal is not None and not run.proposal.touches", "True"),
        the_policy_has_to_keep_approvals=(" or not environment.approval.keeps or", " or"),
    ),
    *_of(
        "domain/measures.py",
        "domain/test_measures",
        lines_that_nobody_measured_ask=(
            "        return Hit(condition, f\"{now.shown}, and what runs there was not measured\")",
            "        return None",
        ),
        failed_tests_of_no_verdict_ask=("told = bool(names) and len(counted) == len(names)", "told = bool(names)"),
        flaky_tests_that_nobody_counted_ask=("told = bool(flaky) and len(flaky) == len(found) and", "told ="),
    ),
    *_of(
        "domain/planning.py",
        "domain/test_plan_block",
        a_way_back_was_healthy_there=("    if len(fitting) != 1:", "    if False:"),
        a_plan_that_nobody_approves_stays=("    if environment.approval.mode is ApprovalMode.NEVER:", "    if False:"),
    ),
    *_of(
        "domain/review.py",
        "domain/test_reviews",
        a_review_is_of_the_gate_file_in_force=(" or found.under != rules.blob_sha:", ":"),
        a_review_is_of_one_version=("fingerprint([found.blob, differences])", "fingerprint([differences])"),
    ),
    *_of(
        "domain/reviewing.py",
        "domain/test_reviews",
        one_denial_closes_a_review=(
            "    if denial is not None:\n        return Verdict(REVIEWED",
            "    if False:\n        return Verdict(REVIEWED",
        ),
        a_head_that_moved_is_not_let_pass=(
            "(policy_reason(run, conditions), *head_reasons(run, conditions))",
            "(policy_reason(run, conditions),)",
        ),
        unnamed_owners_are_administrators=(
            "        return (ADMINISTRATORS,)",
            "        return (ApproverLine(),)",
        ),
    ),
    *_of(
        "domain/approvals.py",
        "domain/test_decide_story",
        a_bots_answer_never_counts=(
            "if answer.person.account is not PersonKind.USER:\n        return ReasonCode.NOT_A_PERSON",
            "if False:\n        return ReasonCode.NOT_A_PERSON",
        ),
        an_answer_in_a_changed_comment_does_not_count=(
            "    if untouched is not None:\n        return untouched\n",
            "",
        ),
        of_a_persons_answers_the_newest_counts=("if newest[answer.person.id] is not answer:", "if False:"),
        somebody_whose_standing_is_unknown_does_not_count=(
            "if isinstance(standing, Unknown):\n        return ReasonCode.STANDING_UNKNOWN\n    if answer.kind",
            "if isinstance(standing, Unknown):\n        return ReasonCode.ANSWER_COUNTS\n    if answer.kind",
        ),
        an_answer_is_for_what_was_shown=("if answer.binding.changed(now):", "if False:"),
        an_approval_comes_after_its_question=("return _unseen(answer, gate)", "return None"),
        commits_of_nobodys_account_may_be_anybodys=("if authorship.unattributed:", "if False:"),
        whoever_pushed_is_a_contributor=(
            "known | {run.change.author.id, *run.pushers}",
            "known | {run.change.author.id}",
        ),
    ),
    *_of(
        "domain/approvals.py",
        "domain/test_contributors",
        nobody_approves_what_they_made=("    if own is not None:\n        return own\n", ""),
        the_author_is_a_contributor=("known | {run.change.author.id, *run.pushers}", "known | {*run.pushers}"),
    ),
    *_of(
        "domain/approvals.py",
        "domain/test_plan",
        whoever_changed_the_plan_does_not_approve_it=(" | {each.by.id for each in gate.modifications}", ""),
    ),
    *_of(
        "domain/approvals.py",
        "domain/test_requests",
        whoever_asked_for_the_deployment_does_not_approve_it=(
            "return people | others | requested |",
            "return people | others |",
        ),
    ),
    *_of(
        "domain/lines.py",
        "domain/test_approvers",
        a_line_that_asks_nothing_fits_nobody=("if not _asks_something(line) or not reaches", "if not reaches"),
        every_key_of_a_line_must_hold=("return False if False in keys else doubt", "return doubt"),
    ),
    *_of(
        "domain/evaluate.py",
        "domain/test_decide_story",
        a_moved_head_releases_nothing=("if head.sha != run.change.head.sha:", "if False:"),
        a_changed_base_releases_nothing=("if head.base_ref != run.change.base_ref:", "if False:"),
        a_head_that_cannot_be_read_is_unknown=(
            "return (unknown(ReasonCode.HEAD_UNKNOWN, detail=head.detail),)",
            "return (met(ReasonCode.HEAD_UNKNOWN, detail=head.detail),)",
        ),
        a_closed_change_releases_nothing=("if not head.open:", "if False:"),
        the_policy_is_the_one_that_is_trusted_now=(
            "case Policy() if isinstance(run.policy, Policy) and current.blob_sha == run.policy.blob_sha:",
            "case Policy() if isinstance(run.policy, Policy):",
        ),
        a_policy_that_cannot_be_read_is_unknown=(
            "case Unknown():\n            return unknown(ReasonCode.POLICY_UNREADABLE",
            "case Unknown():\n            return met(ReasonCode.POLICY_UNREADABLE",
        ),
        a_failed_stage_closes_the_gate=("return refused(ReasonCode.STAGE_FAILED", "return met(ReasonCode.STAGE_FAILED"),
        an_unknown_stage_waits=(
            "case StageVerdict.UNKNOWN:\n            return unknown(",
            "case StageVerdict.UNKNOWN:\n            return met(",
        ),
        new_findings_close_the_gate=("            if found:\n", "            if False:\n"),
        the_same_content_passed_before=("    if not passed:\n", "    if False:\n"),
        one_release_at_a_time=(
            "return unmet(ReasonCode.ENVIRONMENT_BUSY, gate=busy_with or",
            "return met(ReasonCode.ENVIRONMENT_BUSY, gate=busy_with or",
        ),
        a_denial_that_counts_dominates=("    if denial is not None:\n", "    if False:\n"),
        a_denial_that_cannot_be_read_holds_the_gate=(
            "        *pending_denials(gate, answers),\n        *_approval",
            "        *_approval",
        ),
        an_expired_question_is_denied=("if _expired(run, gate, environment, conditions.now):", "if False:"),
        every_ground_must_hold=("if all(ground.met for ground in grounds)", "if any(ground.met for ground in grounds)"),
    ),
    *_of(
        "domain/evaluate.py",
        "domain/test_windows",
        a_freeze_holds=("return (unmet(ReasonCode.FROZEN, **facts),)", "return (met(ReasonCode.FROZEN, **facts),)"),
        an_unread_calendar_holds=(
            "return (unknown(ReasonCode.FREEZE_UNKNOWN",
            "return (met(ReasonCode.FREEZE_UNKNOWN",
        ),
    ),
    *_of(
        "domain/evaluate.py",
        "domain/test_pauses",
        a_hold_holds=("tuple(unmet(ReasonCode.HELD", "tuple(met(ReasonCode.HELD"),
    ),
    *_of(
        "domain/evaluate.py",
        "domain/test_shadow",
        a_gate_in_shadow_releases_nothing=("    if environment.shadow:\n", "    if False:\n"),
    ),
    *_of(
        "domain/record.py",
        "domain/test_decide_story",
        a_command_of_a_bot_or_an_app_is_none=(
            "if event.person.account is not PersonKind.USER or event.via_app:\n        return run\n    command",
            "if False:\n        return run\n    names",
        ),
        an_old_attempt_ends_nothing=(
            "if stage is None or stage.attempt != event.attempt or stage.status is not StageStatus.RUNNING:\n"
            "        return run\n    return run.with_stage(replace(stage, status=StageStatus.ENDED",
            "if stage is None:\n        return run\n    return run.with_stage(replace(stage, status=StageStatus.ENDED",
        ),
    ),
    *_of(
        "domain/overriding.py",
        "domain/test_overrides",
        nobody_overrides_for_ever=(" or conditions.now > given.at + LASTS:", ":"),
        an_override_is_for_the_plan_that_it_met=(
            "(given.sha, given.policy_blob, given.plan) != (now.head_sha, now.policy_blob, now.plan_digest)",
            "(given.sha, given.policy_blob) != (now.head_sha, now.policy_blob)",
        ),
        an_override_in_a_changed_comment_is_none=("    if body != given.body_sha256:\n        return None\n", ""),
        only_those_listed_override=("    if fitting is not True:\n", "    if False:\n"),
        nobody_overrides_for_their_own=("return ReasonCode.SELF_APPROVAL if person in people else None", "return None"),
        a_debt_bars_the_next_override=("        return ReasonCode.OVERRIDE_DEBT\n", "        pass\n"),
        overrides_are_rare=("return ReasonCode.OVERRIDE_SPENT if len(lately) >= MOST else None", "return None"),
        the_commit_of_an_override_is_certain=(
            "return None if seen is not None and event.comment_id > seen else ReasonCode.OVERRIDE_SHA_MISSING",
            "return None",
        ),
        what_ended_is_not_overridden=("if gate.release is not None or gate.closing is not None:", "if False:"),
        what_is_heard_late_overrides_nothing=("    if conditions.now > event.at + LASTS or ", "    if "),
        nobody_pays_their_own_debt=(
            "return closer.id != debt.by.id or (lenient and rules.self_approval)",
            "return True",
        ),
        a_bot_pays_no_debt=(" or closer.account is not PersonKind.USER:", ":"),
    ),
    *_of(
        "domain/evaluate.py",
        "domain/test_overrides",
        what_was_overridden_goes_no_further=(" if sha not in facts.overridden]", "]"),
    ),
    *_of(
        "domain/waiving.py",
        "domain/test_waivers",
        a_waiver_that_is_over_holds_nothing_back=(
            " for each in facts.waivers if each.holds(conditions.now))",
            " for each in facts.waivers)",
        ),
        nobody_waives_for_their_own=(
            "return ReasonCode.SELF_APPROVAL if event.person.id in people else None",
            "return None",
        ),
        only_approvers_waive=("fits_any(standing, lines, conditions) is True", "True"),
    ),
    *_of(
        "trust/signature.py",
        "trust/test_signature",
        a_delivery_is_signed=("if any(matches) else SIGNATURE_MISMATCH", "if matches else SIGNATURE_MISMATCH"),
        a_short_secret_signs_nothing=("if len(secret) >= MIN_SECRET_BYTES]", "]"),
    ),
    *_of(
        "intake/writer.py",
        "adapters/test_intake_writer",
        a_delivery_that_was_not_stored_is_not_acknowledged=(
            "        if ticket.outcome is None:\n            raise StoreUnavailableError(\"commit_failed\")\n",
            "        if ticket.outcome is None:\n            return Outcome.STORED\n",
        ),
        a_handler_that_gave_up_does_not_keep_the_pen=(
            "                self._queue.remove(ticket)\n",
            "                pass\n",
        ),
    ),
    *_of(
        "store/runs.py",
        "adapters/test_store_commit",
        a_run_that_moved_is_not_overwritten=(
            "at_version = (runs.c.id == after.id, runs.c.version == step.expected_version)",
            "at_version = (runs.c.id == after.id,)",
        ),
        an_environment_that_moved_is_not_overwritten=("            table.version == facts.version,\n", ""),
        what_a_decision_relied_on_has_not_moved=(
            "if any(versions.get(name, 0) != version for name, version in relied_on):",
            "if False:",
        ),
    ),
    *_of(
        "engine/performer.py",
        "engine/test_performer",
        a_release_in_doubt_is_looked_for=(
            "return self._resolve(pending, effect) if pending.in_doubt else",
            "return False if pending.in_doubt else",
        ),
        it_is_looked_for_twice=("if pending.note != LOOKED:", "if False:"),
        a_release_is_judged_on_fresh_facts=("if self.now() - effect.judged_at > FRESH:", "if False:"),
    ),
    *_of(
        "github/tokens.py",
        "adapters/test_github_tokens",
        a_token_is_for_one_repository=(
            "if scope.repository_id is not None:\n            wanted[\"repository_ids\"]",
            "if False:\n            wanted[\"repository_ids\"]",
        ),
        a_token_for_another_repository_is_none=(
            "if scope.repository_id and any(each.id != scope.repository_id for each in repositories):",
            "if False:",
        ),
    ),
)  # fmt: skip
