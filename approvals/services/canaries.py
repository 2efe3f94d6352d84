"""Canaries: planting a request that ought to be denied, and what follows when somebody decides it."""

import secrets
from collections.abc import Iterable, Sequence

from django.db import transaction

from approvals.models import ApprovalRequest, Canary, Review
from approvals.rules.authorize import Outcome
from approvals.rules.canary import TEMPLATES, Surroundings, Template, filled, outcome_of
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.canaries import waits_already
from approvals.selectors.deciding import view_of
from approvals.selectors.standing import CallerStanding, caller_standing
from approvals.services.question import AskedCall, Call, headline, judge, put
from approvals.services.request import end, open_request
from portal.identity.selectors.people import actor_for
from registry.models import Credential

_ENDS = {
    Verdict.APPROVE: (RequestState.VOIDED, "It was a canary, which ought to be denied. Nothing was granted."),
    Verdict.DENY: (RequestState.DENIED, "A reviewer denied it. It was a canary."),
    Verdict.CHANGES: (RequestState.RETURNED, "A reviewer sent it back. It was a canary."),
}


def settled(*, request: ApprovalRequest, review: Review) -> None:
    """End a canary by the first verdict on it, whatever the quorum; inside the transaction of that review.

    The caller has stored the review and its entry, and does nothing further: no count of votes, no grant. An approval
    ends it as voided (MISSED), a denial as denied and changes as returned (CAUGHT).
    """
    verdict = Verdict(review.verdict)
    if verdict is Verdict.RETRACT:
        return
    state, because = _ENDS[verdict]
    outcome = outcome_of(approved=verdict is Verdict.APPROVE)
    end(request, state, because=because, by=actor_for(review.person), canary=outcome)


@transaction.atomic
def plant(*, like: ApprovalRequest, templates: Sequence[Template] = ()) -> ApprovalRequest | None:
    """Open a canary that looks like more work of the agent that has just opened ``like``; joins the transaction.

    It is of one of ``templates``, or of all. None when the agent could not ask it now: stopped, its credential gone,
    every template forbidden or free for it, or when one waits already in its team.
    """
    credential = Credential.objects.filter(pk=like.credential_id).first()
    if like.canary or credential is None or waits_already(like.agent.owner_team_id):
        return None
    for template in _shuffled(templates or TEMPLATES.values()):
        call = _call(template, like)
        asked = AskedCall(call)
        standing = caller_standing(bytes(credential.digest), asked.keys_of)
        if standing is None or not standing.credential_ok:
            return None
        planted = _open(standing, asked, template)
        if planted is not None:
            return planted
    return None


def _open(standing: CallerStanding, asked: AskedCall, template: Template) -> ApprovalRequest | None:
    decision = judge(standing, asked)
    if decision.outcome is not Outcome.REVIEW:
        return None
    # A digest of nothing: were it the call's, an agent that really asks it would be given the canary.
    question = put(standing, asked, headline(standing, asked), secrets.token_bytes(32))
    request = open_request(standing=standing, asked=question, decision=decision, canary=True)
    if not isinstance(request, ApprovalRequest):
        return None
    Canary.objects.create(request=request, template=template.key)
    return request


def _call(template: Template, like: ApprovalRequest) -> Call:
    """The template's call, with everything stated around it that was stated around the real one.

    All of it: a page that lacks the commit, the change or the authors that this agent always states would tell.
    """
    stated = dict(view_of(like).get("around", {}))
    said = dict(stated.pop("stated", {}))
    filling = Surroundings(
        repository=like.repository or "acme/service",
        branch=like.branch or "main",
        number=100 + secrets.randbelow(900),
    )
    return Call(
        tool="Bash",
        tool_input=filled(template, filling),
        session_id=like.session_id,
        cwd=str(like.arguments.get("cwd", "/work")),
        co_authors=tuple(stated.get("co_authors") or ()),
        **{name: stated.get(name) for name in _AROUND},
        **{name: said[name] for name in _STATED if name in said},
    )


_AROUND = (
    "repository", "branch", "environment", "initiator", "task", "fingerprint", "diff", "prompt_author",
)  # fmt: skip
_STATED = ("model", "provider", "repository_id", "credential", "files", "lines", "head")


def _shuffled(templates: Iterable[Template]) -> list[Template]:
    found = list(templates)
    secrets.SystemRandom().shuffle(found)
    return found
