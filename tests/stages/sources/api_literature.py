"""Answers in the shapes that the interfaces of literature give, over two pages or more, with texts written for this.

Each script: what params.yaml adds to the preset, the replies, the documents expected, and the records that cannot be
read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.stages.sources.interfaces import Reply

EN, EN2 = "Corpora are built again when one page of them changes.", "A second text, about rivers & hills."
ZH, ZH2 = "语料库在网页变化之后只重建那一部分。", "第二篇文章讲的是河流与山。"


@dataclass(frozen=True, kw_only=True)
class Script:
    """`expected`: URI -> text; `broken`: URI -> start of the error; `mime` of the texts; `base`: path of the base URL.

    `late`: position of a reply that holds or leads to a document, and is not the first to be asked for; `licence`
    that the records state.
    """

    preset: str
    replies: Sequence[Reply]
    expected: Mapping[str, str]
    broken: Mapping[str, str]
    entry: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    late: int = 1
    licence: str = ""
    mime: str = "text/plain"
    columns: Mapping[str, Any] = field(default_factory=dict)


def atom(total: int, *entries: str) -> str:
    """A page of arXiv's Atom."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        "<title>ArXiv Query</title><id>http://arxiv.org/api/x</id>"
        f'<opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{total}'
        f"</opensearch:totalResults>{''.join(entries)}</feed>"
    )


def entry(number: str, summary: str) -> str:
    """One paper of arXiv."""
    return (
        f"<entry><id>http://arxiv.org/abs/{number}</id><updated>2023-01-02T00:00:00Z</updated>"
        f"<published>2023-01-01T00:00:00Z</published><title>On\n  texts</title><summary>{summary}</summary>"
        "<author><name>Ada Lovelace</name></author><author><name>王小明</name></author>"
        '<arxiv:primary_category xmlns:arxiv="http://arxiv.org/schemas/atom" term="cs.CL"/>'
        '<category term="cs.CL"/><category term="cs.DL"/></entry>'
    )


ARXIV = Script(
    preset="arxiv", entry={"query": "cat:cs.CL"}, replies=[
        Reply("/api/query", atom(102, entry("2301.00001v1", EN), entry("2301.00002v3", ZH)), {"start": "0"},
              mime="application/atom+xml"),
        Reply("/api/query", atom(102, entry("2301.00003v1", " \n "), entry("cs/9901001v1", EN2.replace("&", "&amp;"))),
              {"start": "100"}, mime="application/atom+xml"),
    ],
    expected={"https://arxiv.org/abs/2301.00001": EN, "https://arxiv.org/abs/2301.00002": ZH,
              "https://arxiv.org/abs/cs/9901001": EN2},
    broken={"https://arxiv.org/abs/2301.00003": "no text at atom:summary"},
    columns={"author": "Ada Lovelace; 王小明", "given_label": "cs.CL", "published_at": "2023-01-01T00:00:00Z"},
)  # fmt: skip


def medline(pmid: int, text: str | None) -> str:
    """One article of PubMed."""
    abstract = f"<Abstract><AbstractText>{text}</AbstractText></Abstract>" if text else ""
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{pmid}</PMID><Article>'
        "<Journal><Title>J Test</Title><JournalIssue><PubDate><Year>2020</Year></PubDate></JournalIssue></Journal>"
        f"<ArticleTitle>On <i>cells</i></ArticleTitle>{abstract}<AuthorList><Author><LastName>Curie</LastName></Author>"
        "</AuthorList><Language>eng</Language></Article></MedlineCitation><PubmedData><ArticleIdList>"
        f'<ArticleId IdType="doi">10.1/{pmid}</ArticleId></ArticleIdList></PubmedData></PubmedArticle>'
    )


def pubmed(*articles: str) -> str:
    """An answer of efetch, with the DOCTYPE that it has."""
    return (
        '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
        f'"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>{"".join(articles)}'
        "</PubmedArticleSet>"
    )


def esearch(*ids: str) -> dict[str, Any]:
    """An answer of esearch."""
    return {"header": {"type": "esearch"}, "esearchresult": {"count": "202", "retmax": "200", "idlist": list(ids)}}


PUBMED = Script(
    preset="pubmed", late=3, entry={"query": "cells"}, replies=[
        Reply("/esearch.fcgi", esearch("11", "12"), {"retstart": "0"}),
        Reply("/esearch.fcgi", esearch("13"), {"retstart": "200"}),
        Reply("/efetch.fcgi", pubmed(medline(11, EN), medline(12, None)), {"id": "11,12"}, mime="text/xml"),
        Reply("/efetch.fcgi", pubmed(medline(13, ZH)), {"id": "13"}, mime="text/xml"),
    ],
    expected={"https://pubmed.ncbi.nlm.nih.gov/11/": EN, "https://pubmed.ncbi.nlm.nih.gov/13/": ZH},
    broken={"https://pubmed.ncbi.nlm.nih.gov/12/": "no text at MedlineCitation/Article/Abstract"},
    columns={"title": "On cells", "author": "Curie", "published_at": "2020"},
)  # fmt: skip

OAI_NS = 'xmlns="http://www.openarchives.org/OAI/2.0/"'


def oai(token: str, *records: str, date: str = "2026-01-02T03:04:05Z") -> str:
    """A page of ListRecords."""
    resumption = f'<resumptionToken cursor="0">{token}</resumptionToken>'
    return (
        f'<?xml version="1.0"?><OAI-PMH {OAI_NS}><responseDate>{date}</responseDate><request verb="ListRecords"/>'
        f"<ListRecords>{''.join(records)}{resumption}</ListRecords></OAI-PMH>"
    )


def oai_record(number: int, metadata: str, status: str = "") -> str:
    """One record; a deleted one has no metadata."""
    body = f"<metadata>{metadata}</metadata>" if metadata else ""
    return (
        f"<record><header{status}><identifier>oai:repo.test:{number}</identifier><datestamp>2026-01-01</datestamp>"
        f"<setSpec>theses</setSpec></header>{body}</record>"
    )


def dublin(text: str) -> str:
    """A description in Dublin Core."""
    description = f"<dc:description>{text}</dc:description>" if text else ""
    return (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A thesis</dc:title><dc:creator>Noether, E.</dc:creator>'
        f"{description}<dc:rights>CC-BY-4.0</dc:rights><dc:type>thesis</dc:type></oai_dc:dc>"
    )


DELETED = ' status="deleted"'
OAI = Script(
    preset="oai", licence="CC-BY-4.0", base="/oai", replies=[
        Reply("/oai", oai("t|2/x=", oai_record(1, dublin(EN)), oai_record(2, dublin("")), oai_record(3, "", DELETED)),
              {"metadataPrefix": "oai_dc"}, mime="text/xml"),
        Reply("/oai", oai("", oai_record(4, dublin(ZH))), {"resumptionToken": "t|2/x="}, mime="text/xml"),
    ],
    expected={"oai:repo.test:1": EN, "oai:repo.test:4": ZH},
    broken={"oai:repo.test:2": "no text at oai:metadata//dc:description"},
    columns={"title": "A thesis", "author": "Noether, E.", "given_label": "thesis"},
)  # fmt: skip


def jats(text: str) -> str:
    """An article of PubMed Central, much shortened."""
    return (
        '<article xmlns="https://jats.nlm.nih.gov/ns/archiving/1.4/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        "<front><article-meta><title-group><article-title>On cells</article-title></title-group><contrib-group>"
        "<contrib><name><surname>Curie</surname></name></contrib></contrib-group><permissions>"
        '<license xlink:href="https://creativecommons.org/licenses/by/4.0/"/></permissions></article-meta></front>'
        f"<body><p>{text}</p></body></article>"
    )


PMC = Script(
    preset="pmc", licence="https://creativecommons.org/licenses/by/4.0/", replies=[
        Reply("/api/oai/v1/mh/", oai("next", oai_record(1, jats(EN)), oai_record(2, "<none xmlns='x:y'/>")),
              {"metadataPrefix": "pmc", "set": "pmc-open"}, mime="text/xml"),
        Reply("/api/oai/v1/mh/", oai("", oai_record(3, jats(ZH))), {"resumptionToken": "next"}, mime="text/xml"),
    ],
    expected={"oai:repo.test:1": jats(EN), "oai:repo.test:3": jats(ZH)}, mime="application/xml",
    broken={"oai:repo.test:2": "no text at oai:metadata"}, columns={"title": "On cells", "author": "Curie"},
)  # fmt: skip


def work(doi: str, abstract: str | None) -> dict[str, Any]:
    """One work of Crossref."""
    return {
        "DOI": doi, "type": "journal-article", "title": ["On texts"], "publisher": "Press", "language": "en",
        "author": [{"given": "Ada", "family": "Lovelace", "sequence": "first"}, {"name": "课题组"}],
        "created": {"date-time": "2021-05-06T00:00:00Z", "timestamp": 1620259200000},
        "indexed": {"date-time": "2022-01-01T00:00:00Z"}, "container-title": ["Journal"],
        "license": [{"URL": "https://creativecommons.org/licenses/by/4.0/", "content-version": "vor"}],
    } | ({"abstract": f"<jats:title>Abstract</jats:title><jats:p>{abstract}</jats:p>"} if abstract else {})  # fmt: skip


def crossref(*items: dict[str, Any]) -> dict[str, Any]:
    """A page of works; the cursor may stay the same from page to page."""
    return {"status": "ok", "message": {"next-cursor": "C/1==", "total-results": 3, "items": list(items)}}


CROSSREF = Script(
    preset="crossref", licence="https://creativecommons.org/licenses/by/4.0/",
    entry={"query": "texts", "paging": {"size": 2}}, replies=[
        Reply("/works", crossref(work("10.1/ABC", EN2.replace("&", "&amp;")), work("10.1/none", None)),
              {"cursor": "*"}),
        Reply("/works", crossref(work("10.2/zh", ZH)), {"cursor": "C/1=="}),
    ],
    expected={"doi:10.1/abc": f"Abstract\n{EN2}", "doi:10.2/zh": f"Abstract\n{ZH}"},
    broken={"doi:10.1/none": "no text at abstract"},
    columns={"author": "Lovelace", "published_at": "2021-05-06T00:00:00Z"},
)  # fmt: skip


def openalex(number: int, text: str | None) -> dict[str, Any]:
    """One work of OpenAlex."""
    words = text.split(" ") if text else []
    index = {word: [at for at, other in enumerate(words) if other == word] for word in words}
    return {
        "id": f"https://openalex.org/W{number}", "doi": f"https://doi.org/10.1/{number}", "display_name": "On texts",
        "publication_date": "2020-01-01", "language": "en", "type": "article", "updated_date": "2024-01-01",
        "authorships": [{"author_position": "first", "author": {"id": "A1", "display_name": "Ada Lovelace"}}],
        "primary_location": {"license": "cc-by"}, "abstract_inverted_index": index if text else None,
    }  # fmt: skip


OPENALEX = Script(
    preset="openalex", licence="cc-by", entry={"query": "texts"}, replies=[
        Reply("/works", {"meta": {"next_cursor": "abc="}, "results": [openalex(1, EN), openalex(2, None)]},
              {"cursor": "*"}),
        Reply("/works", {"meta": {"next_cursor": None}, "results": [openalex(3, "the cat and the 猫")]},
              {"cursor": "abc="}),
    ],
    expected={"https://openalex.org/W1": EN, "https://openalex.org/W3": "the cat and the 猫"},
    broken={"https://openalex.org/W2": "no text at abstract_inverted_index"}, columns={"author": "Ada Lovelace"},
)  # fmt: skip

LITERATURE = (ARXIV, PUBMED, PMC, OAI, CROSSREF, OPENALEX)
