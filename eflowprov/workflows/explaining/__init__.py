"""`explain`: the catalogue by id, by text, and by what sounds like it."""
