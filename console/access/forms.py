"""What sign-in and the pages of factors take. Nothing typed is shown again but names."""

from typing import Any

from django import forms

_PASSWORD: dict[str, Any] = {"max_length": 4096, "strip": False}


class PasswordForm(forms.Form):
    username = forms.CharField(max_length=150)
    password = forms.CharField(**_PASSWORD)


class FactorForm(forms.Form):
    """Six digits; authenticators show a space in the middle, so one is allowed."""

    code = forms.RegexField(r"^[0-9]{3} ?[0-9]{3}$")

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).replace(" ", "")


class NewPasswordForm(forms.Form):
    """``current`` is asked for where the person is signed in already."""

    current = forms.CharField(required=False, **_PASSWORD)
    password = forms.CharField(**_PASSWORD)
    again = forms.CharField(**_PASSWORD)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("password") != given.get("again"):
            raise forms.ValidationError("The two new passwords differ.")
        return given


class ResetForm(forms.Form):
    """Asking for the reset of somebody's factors."""

    person = forms.CharField(max_length=150)
    reason = forms.CharField(max_length=1500)
    password = forms.BooleanField(required=False)
