"""Explanations: the account of a step's time, and the reasons that the step of another arm takes longer."""
