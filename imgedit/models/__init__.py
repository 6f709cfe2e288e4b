"""From a model's name to a callable on arrays; knows nothing of tasks."""
