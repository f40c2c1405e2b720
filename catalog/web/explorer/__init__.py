"""The pages: a module each, with its addresses, its SQL by name, and the template of the same name."""
