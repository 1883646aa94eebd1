"""How requests travel: HTTP, an SDK client, the drivers of a flow, streams."""
