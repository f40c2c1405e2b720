"""Licences: what may be passed on, by the names that sources and pages give them."""

from __future__ import annotations

import pytest

from stages.publication.licences import FORBIDS, NO_DERIVATIVES, UNKNOWN, hub_name, reason_against


@pytest.mark.parametrize(
    ("licence", "reason", "hub"),
    [
        ("MIT", None, "mit"),
        ("CC0-1.0", None, "cc0-1.0"),
        ("CC BY 4.0", None, "other"),
        ("CC-BY-NC-SA-4.0", None, "cc-by-nc-sa-4.0"),
        ("AGPL-3.0-or-later", None, "agpl-3.0"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", None, "other"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", None, "cc0-1.0"),
        ("http://creativecommons.org/licenses/by-sa/4.0/deed.de", None, "cc-by-sa-4.0"),
        ("proprietary OR MIT", None, "other"),
        ("CC-BY-ND-4.0", NO_DERIVATIVES, "other"),
        ("MIT AND CC-BY-NC-ND-3.0", NO_DERIVATIVES, "other"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", NO_DERIVATIVES, "other"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", FORBIDS, "other"),
        ("All rights reserved", FORBIDS, "other"),
        ("not stated", UNKNOWN, "other"),
        ("", UNKNOWN, "other"),
        ("Business", UNKNOWN, "other"),
        ("https://example.org/terms", UNKNOWN, "other"),
    ],
)
def test_what_a_licence_permits(licence: str, reason: str | None, hub: str) -> None:
    """Of alternatives the mildest counts, of what holds together the strictest; what is not known is not passed on."""
    assert (reason_against(licence), hub_name(licence)) == (reason, hub)
