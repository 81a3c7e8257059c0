"""Evidence on `dlbench explain`."""
