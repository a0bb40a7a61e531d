"""One file a claim: each prints its figures as JSON and says what it measured against."""
