"""The browser that tests drive: the machine's, else the one in npm's @sparticuz/chromium.

The package carries chromium compressed, with the libraries it needs and a font. It is unpacked
once into `node_modules/.cache`, which goes when the packages are installed anew.
"""

import functools
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from scripts.nodejs import find_node

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "node_modules" / "@sparticuz" / "chromium" / "bin"
CACHE = PROJECT / "node_modules" / ".cache" / "haltline-chromium"
ARGUMENTS = (
    "--no-sandbox",  # tests run as root too, and load only our own pages
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/font-cache</cachedir>
</fontconfig>
"""


def chromium_launch_options() -> dict[str, Any]:
    """Arguments for playwright's ``chromium.launch``.

    Raises RuntimeError saying what to do when there is no browser.
    """
    installed = next(filter(None, map(shutil.which, _NAMES)), None)
    if installed is not None:
        return {"executable_path": installed, "args": list(ARGUMENTS), "env": _environ()}
    folder = _unpacked()
    environ = {
        **_environ(),
        "LD_LIBRARY_PATH": f"{folder}/lib",
        "FONTCONFIG_FILE": f"{folder}/haltline-fonts.conf",
    }
    return {
        "executable_path": str(folder / "chromium"),
        "args": [*ARGUMENTS, "--no-zygote"],
        "env": environ,
    }


def _environ() -> dict[str, str]:
    """Of a person's browser: one that is told no language has one that no script can read."""
    return {**os.environ, "LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"}


def chromium_libraries() -> Path:
    """The libraries that come with npm's browser: Mozilla's PKCS#11 soft token among them.

    Raises RuntimeError saying what to do when they are not here.
    """
    return _unpacked() / "lib"


@functools.cache
def _unpacked() -> Path:
    """The folder with the unpacked browser."""
    if (CACHE / "chromium").exists():
        return CACHE
    node = find_node()
    if not PACKAGE.exists() or node is None:
        raise RuntimeError(
            "no browser: this machine has no chromium and node_modules no @sparticuz/chromium:"
            " run make test, which installs it"
        )
    fresh = CACHE.with_name(f"{CACHE.name}-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    inflate = Path(__file__).with_name("inflate.mjs")
    subprocess.run([node.node, inflate, PACKAGE, fresh], check=True, timeout=300)
    for archive in fresh.glob("*.tar"):
        with tarfile.open(archive) as tar:
            tar.extractall(fresh, filter="data")
        archive.unlink()
    (fresh / "chromium").chmod(0o755)
    (fresh / "haltline-fonts.conf").write_text(_FONTS_CONF.format(folder=CACHE))
    if not (CACHE / "chromium").exists():  # a browser that still ran has left fonts there
        shutil.rmtree(CACHE, ignore_errors=True)
    try:
        fresh.rename(CACHE)
    except OSError:  # another run was quicker
        shutil.rmtree(fresh)
    return CACHE
