"""What people build on a client."""
