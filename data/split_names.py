"""Which names of folders and files say a split: train, training_set, seg_test, val2017, holdout.

A name that is a split's word alone, or with nothing but numbers and words for pictures around it, says its split by
itself. A name with other words in it does so only beside another one that differs in the split's word alone, as
`cars_train` does beside `cars_test`; `train_station` by itself is a class.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from data.sample import SPLIT_FOLDERS, Split

MISTYPED: dict[str, Split] = {
    "vaild": "validation", "vaildation": "validation", "validaton": "validation", "trian": "train", "tarin": "train",
    "tets": "test", "tset": "test",
}  # fmt: skip
WORDS: dict[str, Split] = {
    **SPLIT_FOLDERS,
    **MISTYPED,
    "trn": "train", "tr": "train",
    "eval": "validation", "evaluation": "validation", "valida": "validation", "devel": "validation",
    "development": "validation", "vali": "validation", "vld": "validation",
    "va": "validation",
    "tst": "test", "te": "test", "holdout": "test", "heldout": "test", "pred": "test", "prediction": "test",
    # German, Spanish, Portuguese, French, Italian, Dutch, Polish, Russian, Chinese, Japanese, Korean
    "trainings": "train", "trainingsdaten": "train", "entrenamiento": "train", "treino": "train",
    "treinamento": "train", "entrainement": "train", "entraînement": "train", "apprentissage": "train",
    "addestramento": "train", "treningowy": "train", "treningowe": "train", "обучение": "train", "обучающая": "train",
    "训练": "train", "训练集": "train", "訓練": "train", "学習": "train", "훈련": "train",
    "validierung": "validation", "validierungsdaten": "validation", "validacion": "validation",
    "validación": "validation", "validacao": "validation", "validação": "validation", "validazione": "validation",
    "validatie": "validation", "walidacja": "validation", "валидация": "validation", "验证": "validation",
    "验证集": "validation", "検証": "validation", "검증": "validation",
    "testdaten": "test", "prueba": "test", "pruebas": "test", "teste": "test", "prova": "test", "testowy": "test",
    "testowe": "test", "тест": "test", "тестовая": "test", "测试": "test", "测试集": "test", "テスト": "test",
    "테스트": "test",
}  # fmt: skip
SHORT = frozenset(["tr", "te", "va", "pred", "prediction"])  # say a split only beside a sibling that says another one
ABOUT_PICTURES = frozenset(
    [
        "set", "sets", "data", "dataset", "split", "image", "images", "img", "imgs", "photo", "photos", "picture",
        "pictures", "pic", "pics", "jpegimages", "jpg", "jpgs", "png", "frames", "label", "labels", "annotation",
        "annotations", "annots", "ann", "anns", "xml", "xmls", "json", "txt", "csv", "bbox", "bboxes", "boxes", "gt",
        "instances", "coco", "voc", "yolo", "seg", "the", "my", "new", "full", "all", "final", "files", "list",
    ]
)  # fmt: skip


def words_of(name: str) -> list[str]:
    """Return the words and numbers that a name is made of, in small letters: `TrainSet_v2` -> train, set, v, 2.

    COCO's `test-dev` is one of its test splits.
    """
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    found = re.findall(r"[^\W\d_]+|\d+", parts.lower())
    words = [word for part in found for word in split_joined(part)]
    return [word for before, word in zip(["", *words], words, strict=False) if (before, word) != ("test", "dev")]


def split_joined(word: str) -> list[str]:
    """Cut `trainset` and `testimages`, which nothing separates, into their two words."""
    for known in WORDS:
        if len(known) > 2 and word.startswith(known) and word[len(known) :] in ABOUT_PICTURES:
            return [known, word[len(known) :]]
        if len(known) > 2 and word.endswith(known) and word[: -len(known)] in ABOUT_PICTURES:
            return [word[: -len(known)], known]
    return [word]


def split_in(name: str) -> tuple[Split | None, tuple[str, ...]]:
    """Return the split that a name has a word of, and its other words; None where it has none, or of several splits."""
    words = words_of(name)
    told = {WORDS[word] for word in words if word in WORDS}
    rest = tuple(word for word in words if word not in WORDS)
    return (next(iter(told)), rest) if len(told) == 1 else (None, rest)


def split_of(name: str) -> Split | None:
    """Return the split that a name says by itself; `trainval` is for training, as Pascal VOC has it."""
    words = words_of(name)
    if words[:1] == ["trainval"] or words[:2] == ["train", "val"]:
        return "train"
    split, rest = split_in(name)
    by_itself = all(word in ABOUT_PICTURES or word.isdigit() for word in rest)
    return split if by_itself and not SHORT & set(words) else None


def split_in_cell(word: str) -> Split | None:
    """Return the split that a cell of a table says; Kaggle's PublicTest was seen and its PrivateTest was not."""
    split, rest = split_in(word)
    if not MISTYPED.keys().isdisjoint(words_of(word)):
        return None  # a cell is easily corrected
    if split == "test" and rest in (("public",), ("private",)):
        return "validation" if rest == ("public",) else "test"
    return split_of(word) or ("validation" if word.lower() == "validate" else None)


def splits_of(names: Iterable[str]) -> dict[str, Split]:
    """Return the split of each of the names beside each other that says one.

    Args:
        names: of folders in one folder, or of files of one kind.
    """
    found: dict[str, Split] = {}
    alike: dict[tuple[str, ...], dict[str, Split]] = defaultdict(dict)
    for name in names:
        if own := split_of(name):
            found[name] = own
        split, rest = split_in(name)
        if split:
            alike[tuple(word for word in rest if not word.isdigit())][name] = split
    for siblings in alike.values():
        if len(set(siblings.values())) > 1:
            found.update(siblings)
    return found
