"""Findings about classes and amounts: too few images, missing or lopsided classes, empty splits."""

from __future__ import annotations

from data.findings import Finding, make


def check_counts(
    labels: list[str],
    counts: dict[str, list[int]],
    splits: dict[str, int],
    min_train: int,
    min_class: int,
    max_ratio: float,
) -> list[Finding]:
    """Return the findings that numbers give.

    Args:
        labels: the classes.
        counts: images of each class by split.
        splits: images by split.
        min_train, min_class, max_ratio: limits, as the settings of the checks have them.
    """
    counts = dict(sorted(counts.items()))
    return [
        finding
        for finding in (
            empty_splits(splits),
            tiny_data(splits.get("train", 0), min_train),
            single_class(labels),
            missing_from_train(labels, counts),
            missing_from_others(labels, counts),
            few_images(labels, counts, min_class),
            imbalance(labels, counts["train"], max_ratio, "pictures", "`trainer.class_weights` can make up for it"),
        )
        if finding is not None
    ]


def empty_splits(splits: dict[str, int]) -> Finding | None:
    """A split without images; without test images no model can be judged."""
    empty = [{"split": split, "detail": "no pictures"} for split, number in sorted(splits.items()) if number == 0]
    needed = any(row["split"] in ("train", "test") for row in empty)
    severity = "error" if needed else "warning"
    return make("empty_split", severity, len(splits), "These splits have no pictures.", empty) if empty else None


def tiny_data(number: int, min_number: int) -> Finding | None:
    """So few training images that results are a matter of luck."""
    if number >= min_number:
        return None
    detail = f"{number} training pictures; fewer than {min_number}"
    return make(
        "tiny_data",
        "warning",
        1,
        "There are few pictures to learn from; expect wide intervals.",
        [{"detail": detail, "split": "train"}],
    )


def single_class(labels: list[str]) -> Finding | None:
    """One class: nothing to tell apart."""
    if len(labels) > 1:
        return None
    rows = [{"label": label, "detail": "the only class"} for label in labels]
    return make("single_class", "error", 1, "There is only one class, so there is nothing to tell apart.", rows)


def missing_from_train(labels: list[str], counts: dict[str, list[int]]) -> Finding | None:
    """Classes that cannot be learnt."""
    rows = [
        {"label": label, "split": "train", "detail": "no training pictures"}
        for label, n in zip(labels, counts["train"], strict=True)
        if n == 0
    ]
    text = "These classes have no training pictures and cannot be learnt."
    return make("class_missing_from_train", "error", len(labels), text, rows) if rows else None


def missing_from_others(labels: list[str], counts: dict[str, list[int]]) -> Finding | None:
    """Classes that cannot be judged in a split that has images of others."""
    rows = [
        {"label": label, "split": split, "detail": f"no pictures in {split}"}
        for split, numbers in counts.items()
        if split != "train" and any(numbers)
        for label, number in zip(labels, numbers, strict=True)
        if number == 0
    ]
    text = "These classes have no pictures in a split, so it says nothing about them."
    return make("class_missing_from_split", "warning", len(labels) * len(counts), text, rows) if rows else None


def few_images(labels: list[str], counts: dict[str, list[int]], min_images: int) -> Finding | None:
    """Classes with few images; those with none at all in training have their own finding."""
    totals = [sum(counts[split][label] for split in counts) for label in range(len(labels))]
    rows = [
        {"label": label, "detail": f"{number} {'picture' if number == 1 else 'pictures'} in all splits"}
        for label, number in zip(labels, totals, strict=True)
        if number < min_images
    ]
    text = f"These classes have fewer than {min_images} pictures."
    return make("few_pictures_of_class", "warning", len(labels), text, rows) if rows else None


def imbalance(labels: list[str], numbers: list[int], max_ratio: float, things: str, advice: str) -> Finding | None:
    """A class that is many times larger than another: accuracy then flatters a network that ignores the small one.

    Args:
        numbers: of each class in the training split.
        things: what is counted, such as pictures.
        advice: what to do about it.
    """
    present = [(number, label) for number, label in zip(numbers, labels, strict=True) if number]
    if not present or max(present)[0] <= max_ratio * min(present)[0]:
        return None
    largest = max(present)[0]
    rows = [
        {"label": label, "split": "train", "detail": f"{number:,} {things} against {largest:,} of `{max(present)[1]}`"}
        for number, label in sorted(present)
        if number * max_ratio < largest
    ]
    text = f"These classes have less than 1/{max_ratio:g} of the largest one's training {things}; {advice}."
    return make("class_imbalance", "warning", len(labels), text, rows)
