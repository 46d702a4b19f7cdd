"""The command line: a file a group of commands, what they print, and the text they ask for."""
