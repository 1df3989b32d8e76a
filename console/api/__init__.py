"""REST: thin skins over the selectors, by the conventions of docs and runbooks."""
