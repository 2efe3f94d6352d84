"""Addresses of settings, people and teams, under /settings/."""

from django.urls import path

from portal.identity.web import account, accounts, home, people, teams

app_name = "identity"

urlpatterns = [
    path("home/", home.home_people, name="home_people"),
    path("tokens/", account.tokens, name="tokens"),
    path("tokens/new/", account.token_new, name="token_new"),
    path("tokens/<uuid:token_id>/revoke/", account.token_revoke, name="token_revoke"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/<uuid:person_id>/", people.person_page, name="person"),
    path("people/<uuid:person_id>/link/", people.invite_again, name="invite_again"),
    path("people/<uuid:person_id>/roles/add/", people.role_add, name="role_add"),
    path("people/<uuid:person_id>/roles/remove/", people.role_remove, name="role_remove"),
    path("people/<uuid:person_id>/close/", people.close, name="close"),
    path("people/<uuid:person_id>/accounts/", accounts.link, name="link_accounts"),
    path("people/<uuid:person_id>/reopen/", people.reopen, name="reopen"),
    path("teams/", teams.teams, name="teams"),
    path("new-team/", teams.team_new, name="team_new"),
    path("teams/<slug:slug>/", teams.team_page, name="team"),
    path("teams/<slug:slug>/members/add/", teams.member_add, name="member_add"),
    path("teams/<slug:slug>/members/<uuid:person_id>/remove/", teams.member_remove, name="member_remove"),
]
