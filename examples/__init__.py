"""Small programs that show how labline is extended."""
