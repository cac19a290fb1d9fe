"""Uploads as a data source: the experiment names the file and the choice of columns; the file itself never travels."""

from lib.data.columns import UPLOAD_PARAMS, dataset_from_table
from lib.data.source import source

source(
    key="upload",
    label="Your file",
    kind="upload",
    summary="Rows of a file of yours: choose the label column and the features.",
    formula="",
    source="You",
    task=lambda params: params["task"],
    params=UPLOAD_PARAMS,
    classes=lambda params: params["classes"],
)(dataset_from_table)
