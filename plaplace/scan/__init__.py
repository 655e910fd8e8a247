"""Scan: from images and a model to a ranked, calibrated answer.

    from plaplace import scan
    table = scan.run("./my-pipeline", "./pictures", out="./scan", reference="./held-out")

`run` is `plaplace scan` as one call. Sources of images become shards, shards become parts of a table, in this process
or in Ray's workers; the parts are judged against the reference and written as scores.parquet and report.html.
"""

from plaplace.scan.run import run

__all__ = ["run"]
