"""The tables of crawl, clean and dedup: captures, documents, signals a project declares, clusters and cuts."""

from __future__ import annotations

import pyarrow as pa

from catalog.schema.columns import (
    BYTE,
    CLUSTER,
    DROP_REASON,
    ID,
    INT,
    LONG,
    RIGHT,
    SHORT,
    TEXT,
    TEXT_DIGEST,
    column,
    table,
)

VERDICTS = table(ID, DROP_REASON)
QUARANTINE = table(
    ID, column("uri", TEXT, "where the row came from"), column("error", TEXT, "why it could not be processed")
)

CAPTURES = table(
    ID,
    column("uri", TEXT, "canonical address: URL, pypi:package==version/member#row or file:path#row"),
    column("source", TEXT, "name of the source in params.yaml"),
    column("licence", TEXT, "licence stated for the source"),
    column("status", INT, "HTTP status; null where nothing was asked over HTTP", null=True),
    column("mime", TEXT, "media type of the body"),
    column("charset", TEXT, "charset as declared by server or file", null=True),
    column("content_language", TEXT, "the header Content-Language, as the server wrote it", null=True),
    column("body_digest", TEXT, "sha256 of the body, hex"),
    column("body", pa.binary(), "the exact bytes"),
    column("title", TEXT, "title given by the source", null=True),
    column("author", TEXT, "author given by the source", null=True),
    column("published_at", TEXT, "time of publication as the source wrote it", null=True),
    column("given_label", TEXT, "label given by the source, as written", null=True),
    column("target_text", TEXT, "text that a generation task should produce", null=True),
    column("second_text", TEXT, "second text of a pair, or question about the text, as the source wrote it", null=True),
    column("ratings", pa.list_(BYTE), "one score per annotator, by position", null=True),
    column("meta", TEXT, "other fields of the source, canonical JSON", null=True),
    column(
        "rights",
        pa.list_(RIGHT),
        "what the site said of the use of the page: kind of signal, value, and where (robots.txt, header, meta, link, "
        "record of an interface, or a path); the time stands in the fetches of the crawl log; null in captures from "
        "before signals were read",
        null=True,
    ),
)

FETCHES = table(
    column("uri", TEXT, "address asked for"),
    column("source", TEXT, "name of the source in params.yaml"),
    column("crawl", TEXT, "digest of the source's settings; a change starts a new crawl"),
    column("fetched_at", TEXT, "UTC, ISO 8601"),
    column("status", INT, "HTTP status; null where no answer came", null=True),
    column("outcome", TEXT, "captured, unchanged, skipped:<why> or failed:<why>"),
    column("headers", pa.binary(), "the header bytes of the answer, without cookies and credentials", null=True),
    column("etag", TEXT, "validator for the next conditional request", null=True),
    column("last_modified", TEXT, "validator for the next conditional request", null=True),
    column("body_digest", TEXT, "sha256 of the body, hex", null=True),
    column("run", TEXT, "when the crawl that asked began, UTC; it keeps it over interruptions", null=True),
    column("depth", INT, "links from a seed, a sitemap or a feed to the page", null=True),
    column("chain", pa.list_(TEXT), "URLs whose redirects led here, first to last", null=True),
    column("location", TEXT, "where a redirect leads", null=True),
    column(
        "revisit",
        TEXT,
        "why no body was stored: not-modified (304) or same-digest, the page is unchanged; identical-digest, a page of "
        "the source had this body before, here or at another address",
        null=True,
    ),
    column("previous_digest", TEXT, "body digest of the version that this one replaces, hex", null=True),
    column("rights", pa.list_(RIGHT), "what was said of the use of the page at that time, as in captures", null=True),
    column("mime", TEXT, "media type of the page as declared", null=True),
    column("charset", TEXT, "charset of the page as declared", null=True),
    column("content_language", TEXT, "the header Content-Language of the page, as written", null=True),
)

WARC_RECORDS = table(
    column("file", TEXT, "the web archive that holds the record: its address"),
    column("offset", LONG, "where the record begins in its file, in bytes (ARC: of what was unpacked)"),
    column("type", TEXT, "WARC-Type; `end` where the file breaks off"),
    column("document", TEXT, "id of the document that it may be; null where it is none by its type", null=True),
    column("date", TEXT, "WARC-Date, as written", null=True),
    column("payload", TEXT, "WARC-Payload-Digest, as written", null=True),
    column("refers_to", TEXT, "id of the document whose record a revisit names", null=True),
    column("refers_date", TEXT, "WARC-Date of the record that a revisit names", null=True),
    column("refusal", TEXT, "why it is no document, by its headers; or why the file breaks off", null=True),
)

DOCUMENTS = table(
    ID,
    column("source", TEXT, "name of the source in params.yaml"),
    column("text", TEXT, "main text: Unicode NFC, repaired, redacted"),
    TEXT_DIGEST,
    column("language", TEXT, "ISO 639-1 code, `und` where undecided"),
    column("language_score", SHORT, "the model's score of the language, or the share of its script, per mille"),
    column("language_confidence", SHORT, "probability that the language is right, by calibration, per mille"),
    column("script", TEXT, "script with most of the letters, ISO 15924; `Hrkt` is kana, `Zyyy` none or another"),
    column("script_share", SHORT, "its share of the letters, per mille"),
    column("mixed_language", SHORT, "characters in paragraphs of another language / in those asked, per mille"),
    column("title", TEXT, "title given by the source, else by the document", null=True),
    column("author", TEXT, "author given by the source, else by the document; several parted by commas", null=True),
    column(
        "published",
        TEXT,
        "date of publication, of the source or the document, ISO 8601; times with offset UTC",
        null=True,
    ),
    column(
        "canonical", TEXT, "URL by which a page asks to be known, resolved, without secrets and tracking", null=True
    ),
    column(
        "language_hint",
        TEXT,
        "language that the document, else its server, says it is in, RFC 5646 (zh-Hans-CN)",
        null=True,
    ),
    column("extractor", TEXT, "what read it: plain, resiliparse, trafilatura, or a format (pdf, docx, ...)"),
    column("extraction", TEXT, "library, version and options that read it; null where none did", null=True),
    column("charset", TEXT, "charset the bytes were decoded with; `unicode` where the format leaves no choice"),
    column("repairs", INT, "places changed by repair and normalisation, of all kinds"),
    column(
        "repaired",
        pa.list_(pa.struct([pa.field("kind", TEXT, nullable=False), pa.field("count", INT, nullable=False)])),
        "kinds of these that there were, each with its count: lines rewritten (mojibake, width, composition, chinese: "
        "Traditional or Simplified), characters removed (control, zero_width, bidi, tag), runs of white_space made "
        "plain, words joined (hyphenation), and lines removed (template)",
    ),
    column("redactions", INT, "values of personal data and secrets replaced by a token"),
    column(
        "redacted",
        pa.list_(pa.struct([pa.field("start", INT, nullable=False), pa.field("kind", TEXT, nullable=False)])),
        "where each token stands in the text: its first character from 0, and its kind",
    ),
)

DECLARED = (
    "perplexity", "bucket", "quality", "educational", "toxicity", "flagged", "domains", "importance",
)  # fmt: skip
"""Tables of clean, if params.yaml says so."""

SCORES = table(
    ID,
    column("signal", TEXT, "signal that `clean` of params.yaml declares: perplexity, perplexity_bucket, quality, ..."),
    column("value", pa.float32(), "its value; a document without one has no row"),
)

TEMPLATES = table(
    column("host", TEXT, "host of the pages"),
    column("line", TEXT, "line that was removed from every page of the host, in normal form, redacted"),
    column("pages", INT, "pages of the host with the line; pages of one text count once"),
    column("share", SHORT, "these / pages of the host, per mille"),
)

OVERLAPS = table(
    ID,
    column("evaluation", TEXT, "name of the evaluation set in params.yaml"),
    column("item", INT, "row of the set's file of which the document has the largest share, from 0"),
    column("share", SHORT, "n-grams of the item that the document has / n-grams of the item, per mille"),
    column("position", INT, "word (character of an unspaced script) of the document at which the first begins, from 0"),
    column("contaminated", pa.bool_(), "the share reaches what the set's rule allows"),
)

CLUSTERS = table(
    ID,
    CLUSTER,
    column("representative", TEXT, "id of the document kept for the cluster, unless a level after it drops that one"),
    column(
        "similarity",
        SHORT,
        "Jaccard to the representative, per mille, measured as dedup.verify says; null = is the representative",
        null=True,
    ),
    column(
        "copies",
        INT,
        "times that training should see the document, by how many it stands for (dedup.rehydrate); null where dropped",
        null=True,
    ),
    DROP_REASON,
)

CUTS = table(
    ID,
    column("start", INT, "first character of the span in the text, from 0"),
    column("stop", INT, "character after its last"),
    column("level", TEXT, "what found it: semantic (all of the text), paragraphs or substrings"),
    column("of", TEXT, "id of the document that keeps what stands there"),
    column(
        "similarity", SHORT, "cosine of the embeddings, per mille; null where the same words stand there", null=True
    ),
    column("effect", TEXT, "record: none, remove: no model is trained on it, drop: the document is dropped for it"),
)
