"""Page assets: the few third-party files that pages use, and Django's collectstatic.

The packages hold thousands of files. Fonts are taken as the style sheets name them
(``vendor/inter/files/NAME``), the charts' library as style sheets and scripts do
(``vendor/uplot/NAME``), icons as ``static/icons.txt`` lists them, one name a line.
"""

import hashlib
import re
from pathlib import Path

from django.core.management import call_command

from workers.supervisor.config import PROJECT
from workers.supervisor.home import Home, write_private

_NAMED = re.compile(r"vendor/(?:(inter|jetbrains-mono)/files|(uplot))/([\w.-]+)")
_PACKAGES = {
    "inter": "@fontsource-variable/inter/files",
    "jetbrains-mono": "@fontsource/jetbrains-mono/files",
    "lucide": "lucide-static/icons",
    "uplot": "uplot/dist",
}


def vendor_files(project: Path) -> dict[str, Path]:
    """Third-party files in use: path under ``static/`` -> path in ``node_modules``.

    Raises SystemExit naming a file that no package has.
    """
    used: dict[str, tuple[str, str]] = {}
    static = project / "static"
    for text in sorted([*static.rglob("*.css"), *static.rglob("*.js")]):
        for font, library, name in _NAMED.findall(text.read_text()):
            target = f"vendor/{font}/files/{name}" if font else f"vendor/{library}/{name}"
            used[target] = (font or library, name)
    icons = project / "static" / "icons.txt"
    for name in icons.read_text().split() if icons.exists() else []:
        used[f"vendor/lucide/icons/{name}.svg"] = ("lucide", f"{name}.svg")
    found = {}
    for target, (package, name) in used.items():
        source = project / "node_modules" / _PACKAGES[package] / name
        if not source.exists():
            raise SystemExit(
                f"page asset {name} is not in node_modules/{_PACKAGES[package]}:"
                " run make up, which installs the packages, or mend the name"
            )
        found[target] = source
    return found


def collect_assets(home: Home, project: Path = PROJECT) -> bool:
    """Bring page assets to ``$HALTLINE_HOME/static``; False when nothing has changed since."""
    wanted = vendor_files(project)
    stamp_file = home.root / "static.stamp"
    stamp = _stamp(project, wanted)
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return False
    for target, source in wanted.items():
        copy = home.root / "assets" / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    call_command("collectstatic", interactive=False, verbosity=0)
    write_private(stamp_file, stamp)
    return True


def _stamp(project: Path, vendor: dict[str, Path]) -> str:
    """A hash over what collectstatic would read."""
    digest = hashlib.sha256()
    for path in sorted((project / "static").rglob("*")):
        if path.is_file():
            digest.update(f"{path}\0".encode() + path.read_bytes())
    for target, source in sorted(vendor.items()):
        digest.update(f"{target}\0{source.stat().st_size}\0{source.stat().st_mtime_ns}\0".encode())
    return digest.hexdigest()
