"""Addresses of sign-in, enrolment and the security page."""

from django.urls import URLPattern, re_path

from console.access import enrolment_pages as enrolment
from console.access import security_pages as security
from console.access import views

urlpatterns: list[URLPattern] = [
    re_path(r"^sign-in/?$", views.sign_in, name="sign-in"),
    re_path(r"^sign-in/factor/?$", views.sign_in_factor, name="sign-in-factor"),
    re_path(r"^sign-in/passkey/?$", views.passkey_asked, name="sign-in-passkey"),
    re_path(r"^sign-out/?$", views.sign_out, name="sign-out"),
    re_path(r"^enrol/?$", enrolment.enrol, name="enrol"),
    re_path(r"^enrol/password/?$", enrolment.enrol_password, name="enrol-password"),
    re_path(r"^enrol/authenticator/?$", enrolment.enrol_authenticator, name="enrol-authenticator"),
    re_path(r"^enrol/passkey/?$", enrolment.enrol_passkey, name="enrol-passkey"),
    re_path(
        r"^enrol/passkey/options/?$", enrolment.enrol_passkey_options, name="enrol-passkey-options"
    ),
    re_path(r"^security/?$", security.security_page, name="security"),
    re_path(
        r"^security/authenticator/?$", security.authenticator_page, name="security-authenticator"
    ),
    re_path(r"^security/passkey/?$", security.passkey_page, name="security-passkey"),
    re_path(
        r"^security/passkey/options/?$", security.passkey_options, name="security-passkey-options"
    ),
    re_path(r"^security/rename/?$", security.factor_renamed, name="security-rename"),
    re_path(r"^security/remove/?$", security.factor_removed, name="security-remove"),
    re_path(r"^security/codes/?$", security.codes_made, name="security-codes"),
    re_path(r"^security/password/?$", security.password_page, name="security-password"),
    re_path(r"^security/reset/?$", security.factor_reset_page, name="factor-reset"),
]
