"""The form of a new passkey: as allauth's, with what decisions need chosen beforehand."""

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A decision takes a key that makes sure who is there; a key that was added without that may not be able to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name of the key"
        self.fields["name"].help_text = "To tell it from your others, such as: work phone."
        self.fields["passwordless"].initial = True
        self.fields["passwordless"].label = "It asks for my finger, face or PIN"
        self.fields["passwordless"].help_text = (
            "Decisions of high risk take such a key, and it signs in without the password. "
            "Leave it out for an old security key that can only be touched."
        )
