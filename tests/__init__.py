"""The tests; a package, so that none of that name which others install stands in its place."""
