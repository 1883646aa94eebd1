"""What makes the lessons run with no key and no network."""
