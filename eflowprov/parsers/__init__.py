"""Text in, facts out: a known form is read, anything else is refused with `ParseError` and the first words seen."""
