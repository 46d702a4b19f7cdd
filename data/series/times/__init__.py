"""Times as people and programs write them: which columns hold them, in what form, and what they mean."""
