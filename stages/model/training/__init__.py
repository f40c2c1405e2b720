"""What every training shares: batches from token shards, the loop, checkpoints, several processes."""
