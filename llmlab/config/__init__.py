"""Settings: the environment, .env, llmlab.yaml and entry points."""
