"""The source kind `api`: a declarative client of JSON and XML interfaces.

client.py asks and writes the crawl log; answers.py, paging.py, limits.py, records.py are the pure functions on answers;
log.py says where a list stands; replay.py makes documents of the log; preset.py fills in what a known interface needs.
"""
