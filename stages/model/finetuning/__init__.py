"""Fine-tuning: labels as examples, each kind of task in its own way."""
