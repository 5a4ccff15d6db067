"""What is stored of a person: purging it after a deletion, and handing it out: a table of contents."""

from soundgraph.application.privacy.answers import DiscoveryData, ExportsData, RowsOf, TracksData, answers
from soundgraph.application.privacy.archive import Archive
from soundgraph.application.privacy.exports import (
    BuildExport,
    ExpireExports,
    GiveUpOnExport,
    MailExport,
    ReadExport,
    RequestExport,
)
from soundgraph.application.privacy.ports import FILES, Copy, Exports, Fact, PersonalData, PersonalRows, PrivacyWork
from soundgraph.application.privacy.purging import PurgeAccount

__all__ = [
    "FILES",
    "Archive",
    "BuildExport",
    "Copy",
    "DiscoveryData",
    "ExpireExports",
    "Exports",
    "ExportsData",
    "Fact",
    "GiveUpOnExport",
    "MailExport",
    "PersonalData",
    "PersonalRows",
    "PrivacyWork",
    "PurgeAccount",
    "ReadExport",
    "RequestExport",
    "RowsOf",
    "TracksData",
    "answers",
]
