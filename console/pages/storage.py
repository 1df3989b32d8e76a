"""Where page assets are kept: under names with their hash, so that they can be cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class PageAssets(CompressedManifestStaticFilesStorage):
    """Also the modules that a module imports go by hashed names: a page never mixes versions."""

    support_js_module_import_aggregation = True
    max_post_process_passes = 20
    """One for each module in the longest chain of imports; a page's has eight."""
