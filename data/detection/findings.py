"""What can be wrong with labelled images, by name."""

from __future__ import annotations

from data.findings import KINDS as IMAGE_KINDS
from data.findings import Findings, Kind

SHARED = (
    "corrupt_file", "truncated_file", "empty_file", "zero_size_image", "too_many_pixels", "too_large_file",
    "unreadable_file", "unreadable_directory", "duplicate_across_splits", "wrong_extension", "duplicate_image",
    "unknown_file", "garbled_names", "similar_classes", "unsupported_format", "first_frame", "dark_pictures",
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "unreadable_annotation": Kind("error", "These annotations cannot be read; their photos were left out."),
    "missing_photo": Kind("error", "The photos of these annotations are not there."),
    "ambiguous_photo": Kind(
        "error",
        "It cannot be told which photos these annotations are about. State the photo's path in the annotation, put "
        "photos and annotations into folders of the same names, or take one of the photos away; where files of Pascal "
        "VOC or LabelMe were renamed, `data.pair_by=own_name` or `data.pair_by=filename` decides.",
    ),
    "contradicting_annotation": Kind(
        "error",
        "These annotations say something else of a photo than another one, so the photo was left out. Take one of "
        "the two away.",
    ),
    "unmet_in_split": Kind(
        "error",
        "These lists of a split name photos that are not there. Bring the photos, correct the lists, or set "
        "`data.given_splits=false`.",
    ),
    "size_mismatch": Kind("error", "These annotations are about photos of another shape; the photos were left out."),
    "box_not_a_number": Kind("error", "Edges of these boxes are missing or no numbers; the boxes were left out."),
    "box_without_class": Kind("error", "These boxes have no class; they were left out."),
    "box_without_photo": Kind("error", "These boxes belong to no photo; they were left out."),
    "unknown_class": Kind("error", "The label map does not have the classes of these boxes; they were left out."),
    "empty_box": Kind("error", "These boxes have no area; they were left out."),
    "outside_box": Kind("error", "These boxes lie outside their photos; they were left out."),
    "no_usable_box": Kind("error", "None of these photos' boxes can be used, so the photos were left out."),
    "conflicting_splits": Kind(
        "error",
        "These annotations put a photo into another split than an earlier one did, so it was left out. Take it out of "
        "one of them, or cut all photos anew: `data.given_splits=false`.",
    ),
    "unknown_split": Kind(
        "error",
        "These lines name a split that is none, so where their photos belong is not known. Write train, validation or "
        "test, or cut all photos anew: `data.given_splits=false`.",
    ),
    "unclear_id": Kind(
        "error",
        "Ids are missing, or stand for several images, so whose boxes they mean cannot be told; the photos were left "
        "out. Export the annotations again, or number the images anew.",
    ),
    "missing_shard": Kind("error", "Of these records, files are missing."),
    "damaged_record": Kind("error", "These record files are damaged; what follows in them was left out."),
    **{name: kind for name, kind in IMAGE_KINDS.items() if name in SHARED and kind.severity == "error"},
    "repeated_class": Kind("warning", "These classes have several numbers in one file; all their boxes are one class."),
    "shape_without_box": Kind(
        "warning",
        "Points, lines and skeletons have no box and were left out, with photos that show nothing else; so were tags.",
    ),
    "scored_boxes": Kind(
        "warning", "The boxes of these files have scores, as those that a detector found; no other file has boxes."
    ),
    "duplicate_annotation": Kind(
        "warning", "These annotations say the same of a photo as another one; it counts once."
    ),
    "photo_in_two_splits": Kind(
        "warning", "Two lists put these photos into different splits; the one further from training was used."
    ),
    "contradicting_splits": Kind(
        "warning",
        "Lists, annotations and folders put these photos into different splits; lists count most, folders least.",
    ),
    "doubtful_class_names": Kind("warning", "The files that name the classes do not agree with themselves or others."),
    "unused_list": Kind("warning", "These files could give splits of the photos, and were not used."),
    "predicted_folder": Kind(
        "warning",
        "What lies in these folders was found by a detector, as their names say, and is no annotation of a person; it "
        "was left out.",
    ),
    "unlabelled_photo": Kind(
        "warning",
        "Many photos have no label file; they are used as photos of nothing. Where they are not labelled yet, take "
        "them away; where there is nothing on them, an empty file says so.",
    ),
    "swapped_box": Kind("warning", "Edges of these boxes were swapped; they were put in order."),
    "box_beyond_edge": Kind("warning", "These boxes reach beyond their photos; they were cut at the edge."),
    "resized_photo": Kind(
        "warning", "These photos were resized after they were annotated; the boxes were scaled with them."
    ),
    "conflicting_boxes": Kind("warning", "The same photo has other boxes elsewhere in the data."),
    "photo_without_split": Kind(
        "warning", "The data's splits do not name these photos; they are cut like training photos."
    ),
    **{name: kind for name, kind in IMAGE_KINDS.items() if name in SHARED and kind.severity == "warning"},
    "photo_without_annotation": Kind(
        "warning",
        "These photos have no annotation and were left out; an annotation without boxes says that there is nothing on "
        "them.",
    ),
    "second_picture": Kind(
        "warning", "These pictures are masks, previews or copies of annotated photos; they were left out."
    ),
    "unnamed_classes": Kind("info", "No file names the classes, so they are called by their numbers."),
    "boxes_with_confidence": Kind("info", "A confidence stands behind the boxes; the boxes were used whatever it is."),
    "box_around_outline": Kind("info", "Of outlines and rotated boxes, the upright boxes around them were used."),
    "unread_key_points": Kind("info", "Of boxes with key points, the boxes were used."),
    "passed_over_file": Kind("info", "These files lie beside the annotations and were not read."),
    "recognised_columns": Kind("info", "What the columns of these tables are was told from their names and contents."),
    "unused_columns": Kind("info", "These columns of the tables were not read."),
    "joined_shapes": Kind("info", "Outlines of one group and label are one object; one box was put around them."),
    "turned_photo": Kind(
        "info",
        "These photos are stored on their side, as EXIF data say; they were turned upright, with boxes that need it.",
    ),
    "background_photo": Kind("info", "These photos have no boxes; they are used as background."),
    "tiny_box": Kind(
        "info",
        "These boxes are less than 2 % of their photo's side in the mean; at 300 pixels a network hardly sees them.",
    ),
    "large_photo": Kind(
        "info",
        "These photos have more than 2,048 pixels on a side; `data.max_side=1024` makes training on them faster.",
    ),
    **{name: kind for name, kind in IMAGE_KINDS.items() if name in SHARED and kind.severity == "info"},
}

ABOUT_BOXES = (
    "box_not_a_number", "box_without_class", "box_without_photo", "unknown_class", "empty_box", "outside_box",
    "swapped_box", "box_beyond_edge", "tiny_box",
)  # fmt: skip
"""Findings that count boxes; the others count photos or files."""


def box_findings() -> Findings:
    """Return an empty list of findings about labelled photos."""
    return Findings(KINDS)
