"""What the two sign-in steps take. Nothing typed is ever shown again but the user name."""

from django import forms


class PasswordForm(forms.Form):
    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=4096, strip=False)


class FactorForm(forms.Form):
    """Six digits; authenticators show a space in the middle, so one is allowed."""

    code = forms.RegexField(r"^[0-9]{3} ?[0-9]{3}$")

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).replace(" ", "")
