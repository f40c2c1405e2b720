"""Evaluation: yardsticks, predictions, scores with their intervals, likelihood, contamination."""
