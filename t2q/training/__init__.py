"""What runs inside LitGPT's own training process."""
