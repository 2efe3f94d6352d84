"""The forms of notices: what somebody wants to be told, a channel, and what narrows the list of deliveries."""

import zoneinfo
from typing import Any

from django import forms

from approvals.models import Channel, NoticeChoice
from approvals.rules.notices import CHOSEN, ChannelKind, DeliveryState, Digest, NoticeKind
from approvals.selectors.notices import may_set_up, teams_to_set_up
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.outbound import MOST_URL
from registry.models import Agent
from registry.rules.lifecycle import AgentState
from registry.rules.texts import MOST_NAME

DIGESTS = {
    Digest.NONE: "At once, a mail each",
    Digest.HOURLY: "Together, at every full hour",
    Digest.DAILY: "Together, each morning at 8",
}
KINDS = {
    ChannelKind.SLACK: "Slack: an incoming webhook",
    ChannelKind.TEAMS: "Microsoft Teams: an incoming webhook of a workflow",
    ChannelKind.WEBHOOK: "A webhook of yours, signed (Standard Webhooks)",
    ChannelKind.EMAIL: "An e-mail address, such as a list",
}
STATES = {
    DeliveryState.DEAD: "Given up",
    DeliveryState.WAITING: "Waiting",
    DeliveryState.SENT: "Sent",
    DeliveryState.DROPPED: "Dropped",
}
EVENTS = {
    NoticeKind.OPENED: "Request opened",
    NoticeKind.ESCALATED: "Request escalated",
    NoticeKind.RESOLVED: "Request settled",
    NoticeKind.EXCEPTION_ASKED: "Exception asked",
    NoticeKind.EXCEPTION_GRANTED: "Exception granted",
    NoticeKind.EXCEPTION_OVERDUE: "Exception overdue",
    NoticeKind.TEST: "Test",
}
MAIL = "mail"
_EVERYBODY = "all"
_CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class ChoiceForm(forms.Form):
    """How the reader wants to be told by e-mail."""

    kinds = forms.MultipleChoiceField(
        label="Tell me by e-mail when",
        required=False,
        choices=[(kind.value, words) for kind, words in CHOSEN.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="What is not ticked still stands on the pages.",
    )
    digest = forms.ChoiceField(
        label="How", choices=[(one.value, words) for one, words in DIGESTS.items()], widget=forms.RadioSelect
    )
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=_CLOCK)
    quiet_to = forms.TimeField(label="Quiet to", required=False, widget=_CLOCK)
    timezone = forms.ChoiceField(label="Time zone", help_text="The clock that quiet hours and mornings go by.")

    def __init__(self, data: Any, *, chosen: NoticeChoice | None) -> None:
        every = [kind.value for kind in CHOSEN]
        kinds = every if chosen is None or chosen.events is None else chosen.events
        initial: dict[str, Any] = {"kinds": kinds, "digest": Digest.NONE.value, "timezone": "UTC"}
        if chosen is not None:
            names = ("digest", "quiet_from", "quiet_to", "timezone")
            initial |= {name: getattr(chosen, name) for name in names}
        super().__init__(data, initial=initial)
        self.fields["timezone"].choices = _zones(initial["timezone"])  # type: ignore[attr-defined]

    @property
    def asked(self) -> dict[str, Any]:
        return {**self.cleaned_data, "digest": Digest(self.cleaned_data["digest"])}


def _zones(present: str) -> list[tuple[str, Any]]:
    """Every zone that has a place, by continent; of the old names only the one chosen at present, over the API."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        area, _, city = name.partition("/")
        if city and area not in {"Etc", "SystemV", "US", "posix", "right"}:
            groups.setdefault(area, []).append((name, city.replace("_", " ").replace("/", ", ")))
    old = present not in {"UTC", *(name for zones in groups.values() for name, _ in zones)}
    return [("UTC", "UTC"), *([(present, present)] if old else []), *groups.items()]


class ChannelForm(forms.Form):
    """A new channel: of a team, of everybody, or the callback of an agent."""

    about = forms.ChoiceField(label="What it is told of")
    kind = forms.ChoiceField(label="Kind", choices=[(kind.value, words) for kind, words in KINDS.items()])
    name = forms.CharField(max_length=MOST_NAME, help_text="How people here call it, such as: #payments-approvals.")
    address = forms.CharField(
        max_length=MOST_URL,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="One that begins with https://, or an e-mail address. It is kept encrypted; pages show a part.",
    )

    def __init__(self, data: Any, *, person: Person, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.teams = {team.slug: team for team in teams_to_set_up(person)}
        live = Agent.objects.exclude(state__in=[AgentState.DRAFT.value, AgentState.RETIRED.value])
        agents = live.filter(owner_team__in=self.teams.values()).select_related("owner_team").order_by("name")
        self.agents = {agent.slug: agent for agent in agents}
        choices: list[tuple[str, Any]] = []
        if may_set_up(authority_of(person), None):
            choices.append((_EVERYBODY, "Every request of every team"))
        choices.append(("The requests of a team", [(f"team:{slug}", team.name) for slug, team in self.teams.items()]))
        callbacks = [(f"agent:{slug}", f"{agent.name} is called back") for slug, agent in self.agents.items()]
        if callbacks:
            choices.append(("What became of an agent's own requests", callbacks))
        self.fields["about"].choices = choices  # type: ignore[attr-defined]

    @property
    def asked(self) -> dict[str, Any]:
        what, _, slug = self.cleaned_data["about"].partition(":")
        team: Team | None = self.teams.get(slug) if what == "team" else None
        agent: Agent | None = self.agents.get(slug) if what == "agent" else None
        said = {name: self.cleaned_data[name] for name in ("name", "address")}
        return {**said, "kind": ChannelKind(self.cleaned_data["kind"]), "team": team, "agent": agent}


class ChannelChangeForm(forms.Form):
    """Another name or address of a channel."""

    name = forms.CharField(max_length=MOST_NAME)
    address = forms.CharField(
        label="New address",
        required=False,
        max_length=MOST_URL,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Left empty, the address stays as it is.",
    )

    def __init__(self, data: Any, *, channel: Channel) -> None:
        super().__init__(data, initial={"name": channel.name})
        if channel.kind == ChannelKind.WEBHOOK.value:
            self.fields["new_secret"] = forms.BooleanField(
                label="Make a new secret now",
                required=False,
                help_text="The present one stops at once. An address on another host gets a new secret anyway.",
            )


class DeliveryFilters(forms.Form):
    """Lives in the address; what cannot be read there counts as not said."""

    state = forms.ChoiceField(
        required=False, choices=[("", "Any"), *((one.value, words) for one, words in STATES.items())]
    )
    kind = forms.ChoiceField(
        label="To",
        required=False,
        choices=[("", "Any"), (MAIL, "A person's mail"), *((one.value, one.value.capitalize()) for one in ChannelKind)],
    )
    event = forms.ChoiceField(
        label="About", required=False, choices=[("", "Any"), *((one.value, words) for one, words in EVENTS.items())]
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.is_valid()

    @property
    def conditions(self) -> dict[str, Any]:
        """The filter of the query."""
        said = self.cleaned_data
        found: dict[str, Any] = {name: said[name] for name in ("state", "event") if said.get(name)}
        match said.get("kind"):
            case None | "":
                return found
            case "mail":
                return {**found, "channel": None}
            case kind:
                return {**found, "channel__kind": kind}


def roles_of(person: Person) -> dict[str, bool]:
    """What the pages of channels and deliveries offer."""
    authority = authority_of(person)
    sets_up = authority.has(Role.SECURITY) or authority.holds_anywhere(Role.MANAGER)
    replays = sets_up or authority.has(Role.OPERATOR)
    return {"may_add": sets_up, "may_replay": replays, "sees_channels": replays or authority.has(Role.AUDITOR)}
