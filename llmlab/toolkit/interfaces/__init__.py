"""Other interfaces to the client, for programs that expect them."""
