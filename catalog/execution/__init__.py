"""Where actions run: in processes of this machine, or on a Ray cluster. It decides speed, never bytes."""
