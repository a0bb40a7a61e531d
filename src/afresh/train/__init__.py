"""Training: what people did, as questions with answers; a ranker learned from them; its report."""
