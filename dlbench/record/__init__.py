"""The file format and the folder that holds it; the writing and the reading side meet here alone."""
