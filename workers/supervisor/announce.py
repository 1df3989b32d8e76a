"""What a new user is told once the desk answers."""

import json
from pathlib import Path


def announcement(url: str, demo_file: Path, seconds: float) -> str:
    """The address, the people and how to sign in. Without ``demo_file``: the address alone."""
    lines = ["", f"Haltline is ready after {seconds:.1f} s:  {url}", ""]
    if demo_file.exists():
        demo = json.loads(demo_file.read_text())
        lines.append("  Demo people (user name, role, password):")
        for person in demo["users"]:
            roles = ", ".join(person["roles"])
            lines.append(f"    {person['username']:<18} {roles:<14} {person['password']}")
        first = demo["users"][0]["username"]
        lines += [
            "",
            "  Signing in takes user name, password and a code. In another terminal:",
            f"    make code USER={first}",
            "  prints the current code. For a phone: the otpauth keys (totp_secret) and the API",
            f"  tokens are in {demo_file}, readable by you alone.",
            "",
        ]
    lines += ["  Ctrl-C stops the desk; the next make up carries on with the same data.", ""]
    return "\n".join(lines)
