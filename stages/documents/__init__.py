"""Document formats: the bytes of one file -> its text and title, a module per format."""
