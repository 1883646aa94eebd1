"""HTTP messages as the lab sees them: requests and answers with parsed JSON, and their bytes."""
