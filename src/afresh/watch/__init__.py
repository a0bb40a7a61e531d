"""What happens inside, for those who look after it: metrics and logs."""
