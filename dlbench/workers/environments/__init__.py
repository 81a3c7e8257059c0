"""Python environments that dlbench makes: from requirement words, kept in a cache; a gate's from commits."""
