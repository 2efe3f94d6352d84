"""A cool-down: an agent that asked too much opens no request for a while."""

from django.db import models

from registry.models import Agent


class CoolDown(models.Model):
    agent = models.OneToOneField(Agent, on_delete=models.PROTECT, primary_key=True, related_name="cool_down")
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.agent_id} until {self.until}"
