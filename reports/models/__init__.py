"""The tables of reports."""

from reports.models.package import Package, PackageDownload
from reports.models.run import Run, SeenEvent, SourceCount

__all__ = ["Package", "PackageDownload", "Run", "SeenEvent", "SourceCount"]
