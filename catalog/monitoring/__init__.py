"""What a running build shows: a bar, figures for Prometheus."""
