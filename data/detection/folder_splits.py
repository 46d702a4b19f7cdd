"""Which split the folders around a file say, seen beside their siblings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from data.sample import Split
from data.split_names import splits_of

Parts = tuple[str, ...]


class FolderSplits:
    """The splits of folders; of several around a file the one counts that has a sibling of another split.

    Args:
        files: paths of all files of the data.
    """

    def __init__(self, files: Iterable[Parts]) -> None:
        inside: dict[Parts, set[str]] = defaultdict(set)
        for folder in {parts[:-1] for parts in files}:
            for depth, name in enumerate(folder):
                inside[folder[:depth]].add(name)
        self.splits: dict[Parts, Split] = {}
        self.told_apart: set[Parts] = set()
        for folder, names in inside.items():
            found = splits_of(names)
            for name, split in found.items():
                self.splits[(*folder, name)] = split
                if len(set(found.values())) > 1:
                    self.told_apart.add((*folder, name))
        self.known: dict[Parts, Split | None] = {}

    def split_of(self, parts: Parts) -> Split | None:
        """Return the split of a file; None if no folder around it says one."""
        folder = parts[:-1]
        if folder not in self.known:
            around = [folder[:depth] for depth in range(1, len(folder) + 1) if folder[:depth] in self.splits]
            best = next((each for each in around if each in self.told_apart), around[0] if around else None)
            self.known[folder] = self.splits[best] if best is not None else None
        return self.known[folder]
