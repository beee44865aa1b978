"""The only rooms with wires."""
