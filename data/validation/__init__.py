"""How examples are checked: limits and severities as settings, and how far two sets of statistics lie apart."""
