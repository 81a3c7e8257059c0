"""The price of speed: what options that trade accuracy for time save, and what they cost."""
