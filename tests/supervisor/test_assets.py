"""Which third-party files come to the pages."""

from pathlib import Path

import pytest

from workers.supervisor.assets import vendor_files


def _project(root: Path) -> Path:
    fonts = root / "node_modules" / "@fontsource-variable" / "inter" / "files"
    icons = root / "node_modules" / "lucide-static" / "icons"
    charts = root / "node_modules" / "uplot" / "dist"
    for folder in (fonts, icons, charts, root / "static" / "css", root / "static" / "js"):
        folder.mkdir(parents=True)
    (fonts / "inter-latin.woff2").write_text("font")
    (fonts / "unused.woff2").write_text("font")
    (icons / "octagon-x.svg").write_text("<svg/>")
    for name in ("uPlot.esm.js", "uPlot.min.css", "uPlot.cjs.js"):
        (charts / name).write_text("chart")
    module = 'import uPlot from "../vendor/uplot/uPlot.esm.js";'
    (root / "static" / "js" / "chart.js").write_text(module)
    style = '@import url("../vendor/uplot/uPlot.min.css");'
    (root / "static" / "css" / "chart.css").write_text(style)
    sheet = 'src: url("../vendor/inter/files/inter-latin.woff2") format("woff2");'
    (root / "static" / "css" / "tokens.css").write_text(sheet)
    return root


def test_only_what_is_used(tmp_path: Path) -> None:
    project = _project(tmp_path)
    (project / "static" / "icons.txt").write_text("octagon-x\n")
    assert set(vendor_files(project)) == {
        "vendor/inter/files/inter-latin.woff2",
        "vendor/lucide/icons/octagon-x.svg",
        "vendor/uplot/uPlot.esm.js",
        "vendor/uplot/uPlot.min.css",
    }


def test_a_name_no_package_has_is_told(tmp_path: Path) -> None:
    project = _project(tmp_path)
    (project / "static" / "icons.txt").write_text("octagon-y\n")
    with pytest.raises(SystemExit, match=r"page asset octagon-y\.svg is not in node_modules"):
        vendor_files(project)
