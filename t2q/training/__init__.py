"""The fine-tuning: what runs in its process, and what LitGPT's own loop understands of it."""
