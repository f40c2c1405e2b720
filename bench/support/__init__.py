"""What several benches share: processor time of whole process trees, and real pages to build from."""
