"""What a detector is measured by, in the order in which it is told; those without a title stand in other tables."""

from __future__ import annotations

from functools import partial

from pipeline.metric import Metric, by_name

higher = partial(Metric, higher_is_better=True, per_example=False)
MAP = higher("mAP", title="average precision, mean of classes and of overlaps from .5 to .95 (COCO)")
METRICS = by_name(
    MAP,
    higher("mAP50", title="average precision at an overlap of .5, mean of classes"),
    higher("mAP75", title="average precision at an overlap of .75, mean of classes"),
    higher("mAP_small", title="average precision of objects below 32 x 32 pixels"),
    higher("mAP_medium", title="average precision of objects from 32 x 32 to 96 x 96 pixels"),
    higher("mAP_large", title="average precision of objects above 96 x 96 pixels"),
    higher("AR1", title="share of objects found by the surest box of each class and photo, mean of overlaps"),
    higher("AR10", title="share of objects found by the ten surest boxes"),
    higher("AR100", title="share of objects found by the hundred surest boxes"),
    higher("AR_small"),
    higher("AR_medium"),
    higher("AR_large"),
    higher("voc_mAP50", title="Pascal VOC's average precision from all points"),
    higher("voc_mAP50_eleven"),
    higher("f1", title="F1 at the best score"),
    higher("precision", title="share of boxes that are right, at the best score"),
    higher("recall", title="share of objects that are found, at the best score"),
)
