"""Scrapy: pages of a website to the lengths of their bodies, obeying robots.txt, without cache, logs, pipelines and
meta refreshes.

list FILE            the URLs in the file, one a line
follow URL           every page within two links of a URL, by Scrapy's LinkExtractor
The last argument is the number of requests at once.
"""

import sys
from pathlib import Path

from measured import cpu, report
from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

way, given, at_once = sys.argv[1:4]
lengths = {}


class Pages(Spider):
    """Asks for the pages and keeps the length of each."""

    name = "pages"
    extractor = LinkExtractor()
    custom_settings = {  # noqa: RUF012
        "ROBOTSTXT_OBEY": True,
        "METAREFRESH_ENABLED": False,
        "CONCURRENT_REQUESTS": int(at_once),
        "CONCURRENT_REQUESTS_PER_DOMAIN": int(at_once),
        "DOWNLOAD_DELAY": 0,
        "HTTPCACHE_ENABLED": False,
        "DEPTH_LIMIT": 2,
        "LOG_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
    }

    async def start(self):
        """The first requests."""
        for url in [given] if way == "follow" else Path(given).read_text().splitlines():
            yield Request(url, callback=self.followed if way == "follow" else self.kept)

    def kept(self, response):
        """Keep the length."""
        lengths[response.url] = len(response.body)

    def followed(self, response):
        """Keep the length, and ask for what the page links to."""
        self.kept(response)
        for link in self.extractor.extract_links(response):
            yield Request(link.url, callback=self.followed)


process = CrawlerProcess()
process.crawl(Pages)
start = cpu()
process.start()
seconds = cpu() - start
what = f"{way}; ROBOTSTXT_OBEY, no cache, {at_once} requests at once, lengths of bodies"
report("scrapy", what, seconds, pages=len(lengths), bytes=sum(lengths.values()))
