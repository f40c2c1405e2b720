"""What the stage `catalog` makes out for itself: what became of each document, and which models there are."""
