"""Real servers that remotes are tested against: on loopback, in a folder of the test, with secrets made up for it."""
