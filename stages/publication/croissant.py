"""croissant.json: the files of an export for programs, in Croissant 1.0 (MLCommons), which is JSON-LD of schema.org."""

from __future__ import annotations

import json
from typing import Any

from stages.publication.author import Author
from stages.publication.facts import Facts
from stages.publication.front_matter import licence_names
from stages.publication.licences import hub_name
from stages.publication.shards import Shard

CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
PARQUET = "application/x-parquet"


def croissant(facts: Facts, author: Author) -> str:
    """The document, as JSON."""
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": author.title,
        "description": author.summary or f"{facts.totals['documents']} documents",
        "license": [_url(name) for name in licence_names(facts, author)],
        "version": author.version or f"0.0.0+{facts.record.catalog[:12]}",
        "inLanguage": [row["language"] for row in facts["languages"] if row["language"]],
        "distribution": [_file(shard) for shard in facts.record.files],
        "recordSet": [_records(facts, shard) for shard in facts.record.files],
    }
    given: dict[str, Any] = {"url": author.url, "citeAs": author.citation}
    given |= {"publisher": {"@type": "sc:Organization", "name": author.publisher}} if author.publisher else {}
    found |= {name: value for name, value in given.items() if value}
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _url(licence: str) -> str:
    """The page of SPDX for a licence that has one, else the licence as its source names it."""
    return licence if hub_name(licence) == "other" else f"https://spdx.org/licenses/{licence}.html"


def _file(shard: Shard) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject", "@id": shard.path, "name": shard.path.removeprefix("data/"), "contentUrl": shard.path,
        "contentSize": f"{shard.bytes} B", "encodingFormat": PARQUET, "sha256": shard.sha256,
    }  # fmt: skip


def _records(facts: Facts, shard: Shard) -> dict[str, Any]:
    """The rows of one file: a record set each, because a source of fields is one file."""
    name = shard.path.removeprefix("data/").partition(".")[0]
    fields = [
        {
            "@type": "cr:Field", "@id": f"{name}/{field.name}", "name": field.name,
            "dataType": "sc:Integer" if str(field.type).startswith("int") else
            "sc:Float" if str(field.type) in ("float", "double") else "sc:Text",
            "source": {"fileObject": {"@id": shard.path}, "extract": {"column": field.name}},
        }
        for field in facts.record.columns.schema() if field.name != "labels"
    ]  # fmt: skip
    return {
        "@type": "cr:RecordSet", "@id": name, "name": name, "field": fields,
        "description": f"{shard.rows} rows of the split {shard.split}",
    }  # fmt: skip
