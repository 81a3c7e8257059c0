"""Figures of many sessions over time: one point a session, arm and metric, kept in SQLite; machines are never mixed."""
