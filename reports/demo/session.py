"""Plays one session of an agent: it asks, waits for people where it must, works, and reports."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from approvals.models import ApprovalRequest
from approvals.rules.authorize import Outcome
from approvals.rules.workflow import RequestState, Verdict
from approvals.services.check import Answer, Call, decide
from approvals.services.request import end_if_overtaken
from approvals.services.review import Shown, add_review
from portal.identity.models import Person
from portal.ledger.events import instant
from reports.demo.agents import Playing
from reports.demo.clock import Clock
from reports.demo.reporting import Reporter
from reports.demo.stage import Happening, Stage
from reports.demo.steps import Step, Story

_RETURNS = timedelta(seconds=75)


@dataclass(frozen=True)
class Cast:
    """Who and what can appear: people and agents by key."""

    people: dict[str, Person]
    agents: dict[str, Playing]


def perform(stage: Stage, cast: Cast, story: Story, random: Random) -> Happening:
    """A session as a happening: each ``yield`` is how long it takes until the next thing."""
    yield from _Session(stage, cast, story, random).play()


class _Session:
    def __init__(self, stage: Stage, cast: Cast, story: Story, random: Random) -> None:
        self._stage, self._cast, self._story, self._random = stage, cast, story, random
        self._clock: Clock = stage.clock
        self._playing = cast.agents[story.agent]
        self._initiator = cast.people[story.by]
        self._id = str(UUID(int=random.getrandbits(128), version=4))
        self._reporter = Reporter(
            self._playing, story, session=self._id, initiator=self._initiator.email, random=random
        )

    def play(self) -> Happening:
        self._reporter.began(self._clock.now)
        yield self._pause(2, 20)
        self._reporter.prompted(self._clock.now, self._story.prompt)
        for place, step in enumerate(self._story.steps):
            yield self._pause(6, 95)
            if place % 4 == 0:
                self._reporter.thought(self._clock.now)
                yield self._pause(3, 15)
            stopped = yield from self._step(step, f"call_{self._id[:8]}_{place:02d}")
            if stopped:
                yield self._pause(1, 4)
                self._reporter.ended(self._clock.now, "", reason="stopped")
                return
        yield self._pause(4, 30)
        if self._story.answer:
            self._reporter.ended(self._clock.now, self._story.answer)

    def _step(self, step: Step, call_id: str) -> Generator[timedelta, None, bool]:
        """Ask, and do what was allowed. Returns whether the agent was told to stop."""
        answer = self._ask(step, call_id)
        if answer.decision.outcome is Outcome.REVIEW:
            answer = yield from self._wait(step, call_id, answer)
        if answer.decision.outcome is Outcome.ALLOW:
            yield self._pause(1, 40 if step.tool == "Bash" else 4)
            self._reporter.used(self._clock.now, step, tool_use_id=call_id)
        return answer.stopped

    def _ask(self, step: Step, call_id: str) -> Answer:
        story = self._story
        call = Call(
            tool=step.tool,
            tool_input=step.input,
            session_id=self._id,
            cwd=story.cwd,
            tool_use_id=call_id,
            repository=story.repository,
            branch=story.branch,
            environment=story.environment,
            model=self._playing.casting.model,
            fingerprint=self._playing.casting.fingerprint(with_server=step.server),
            initiator=self._initiator.email,
            task=story.task or story.ticket,
        )
        return decide(token=self._playing.token, call=call)

    def _wait(self, step: Step, call_id: str, answer: Answer) -> Generator[timedelta, None, Answer]:
        """Let people decide; come back for the grant when there is one and the story says so."""
        request = answer.request
        assert request is not None  # noqa: S101 (100 requests never wait at once here)
        if not step.gate.verdicts:
            # A second later than it ends, and however the session went on: nobody decided.
            self._stage.add(request.expires_at + timedelta(seconds=1), overtaken(request))
            return answer
        waited = timedelta()
        for by, verdict, reason, minutes in step.gate.verdicts:
            yield timedelta(minutes=minutes) - waited
            waited = timedelta(minutes=minutes)
            self._review(request, self._cast.people[by], Verdict(verdict), reason)
        settled = ApprovalRequest.objects.get(pk=request.pk)
        if settled.state != RequestState.APPROVED.value or not step.gate.used:
            return answer
        yield _RETURNS
        return self._ask(step, call_id)

    def _review(self, request: ApprovalRequest, person: Person, verdict: Verdict, reason: str) -> None:
        add_review(
            actor=person,
            request=request,
            verdict=verdict,
            reason=reason,
            view_hash=bytes(request.view_hash),
            sign_in=proofs(self._clock.now),
            fresh=True,
            shown=Shown(seconds=self._random.randint(24, 240)),
        )

    def _pause(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self._random.uniform(least, most))


def proofs(now: datetime) -> list[str]:
    """How a person of the demonstration had proved who they are: a password and a code, some time before."""
    began = now - timedelta(minutes=now.minute % 50 + 4)
    return [f"password@{instant(began)}", f"totp@{instant(began + timedelta(seconds=9))}"]


def overtaken(request: ApprovalRequest) -> Happening:
    """The sweep meets a request whose time is over, or whose agent was stopped."""
    end_if_overtaken(request_id=request.pk)
    yield from ()
