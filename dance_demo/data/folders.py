"""Which of the folders that photos lie in are the classes, from names and structure alone.

| where photos lie                                             | classes                     |
|--------------------------------------------------------------|-----------------------------|
| dance-master/kathak/  dance-master/odissi/  docs/  cover.jpg | kathak, odissi              |
| seg_train/seg_train/kathak/  seg_test/seg_test/odissi/       | kathak, odissi              |
| split1/kathak/  split1/odissi/  split2/kathak/  ..           | kathak, odissi              |
| cats/indoor/  cats/outdoor/  dogs/indoor/  ..                | cats, dogs, and we say that |
|                                                              | it could be indoor, outdoor |
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dance_demo.files.text import without_marks
from dance_demo.forms import FORMS

Folders = tuple[str, ...]  # that a photo lies in, outermost first

OUTER, INNER = "outer", "inner"  # readings that can be asked for

_PLAIN_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # never class names
_PART_WORDS = """
trn trainer trains tr vali validate valida vld dev devel development tst tests eval evaluation evaluate holdout heldout
unseen pred predict prediction predictions inference unlabeled unlabelled submission trainval fold folds split splits
partition shard subset entrenamiento entrainement apprentissage prueba validacion treino treinamento teste validacao
训练 训练集 测试 测试集 验证 验证集 訓練 テスト 検証
"""
_FILLER_WORDS = """
set sets data dataset datasets image images img imgs photo photos pic pics picture pictures sample samples folder
folders file files seg my the our all final new raw resized cropped clean cleaned jpg jpeg png classes class labeled
labelled input inputs
"""
_ASIDE_WORDS = """
doc docs documentation readme asset assets fig figs figure figures screenshot screenshots static media example examples
sample samples logo logos icon icons banner cover covers paper result results output outputs demo notebook notebooks
www html site about github misc preview previews thumbnail thumbnails thumbs
"""
_CODE_WORDS = {"src", "scripts", "code", "annotations", "labels"}  # folders that never held photos
_PARTS = _PLAIN_PARTS | set(_PART_WORDS.split())
_FILLERS, _ASIDES = set(_FILLER_WORDS.split()), set(_ASIDE_WORDS.split())
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_OF_DRIVE = re.compile(r"-\d{8}T\d{6}Z(-\d+)+$")  # a large download in pieces: dance-20241129T101010Z-001/dance/kathak
_GLUED = re.compile("(set|sets|data|dataset|images?|imgs?|photos?)$")


@dataclass
class Reading:
    """The class folder of each photo, "" where it lies in none, and how we came to it."""

    labels: list[str]
    depth: int = 0  # how many folders surround all class folders
    parts: list[str] = field(default_factory=list)  # like train/ and val/, taken together
    asides: dict[int, str] = field(default_factory=dict)  # index of a photo -> the folder that is no class
    parents: set[Folders] = field(default_factory=set)  # the folders that class folders lie in
    doubt: str = ""  # the other reading, in words

    @property
    def description(self) -> str:
        if self.parts:
            shown = [f"{name}/" for name in sorted(self.parts)]
            joined = " and ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
            return f"class folders in {joined}; taken together, the split for validation is drawn anew"
        return f"class folders, {self.depth} folder{'s' * (self.depth > 1)} deeper" if self.depth else "class folders"

    def class_of(self, folders: Folders) -> str:
        """The class folder that a file in these folders would have belonged to, "" if none."""
        for parent in sorted(self.parents, key=len, reverse=True):
            if folders[: len(parent)] == parent and len(folders) > len(parent):
                return folders[len(parent)]
        return ""


def read_folders(paths: Sequence[Folders], wanted: str | None = None) -> Reading:
    """Which folders are the classes: what is most likely, or the ``wanted`` one of "outer" and "inner"."""
    reading = Reading([""] * len(paths))
    if wanted == INNER:
        reading.labels = [folders[-1] if folders else "" for folders in paths]
        reading.parents = {folders[:-1] for folders in paths if folders}
    else:
        _read(reading, paths, range(len(paths)), 0, parts_too=wanted != OUTER, part="")
    if wanted is None and not any(map(has_letters, reading.labels)):
        return _of_parts_alone(paths) or reading
    return reading


def _of_parts_alone(paths: Sequence[Folders]) -> Reading | None:
    """A reading where all folders are called like parts or fillers, or have no name to see.

    None if they are train/ and test/ of photos that have no labels.
    """
    outer, inner = read_folders(paths, OUTER), read_folders(paths, INNER)
    first = Reading([folders[0] if folders else "" for folders in paths], parents={()})
    for reading in (outer, first):
        if any(has_letters(label) and label.lower() not in _PLAIN_PARTS for label in reading.labels):
            return reading
    deep = (label for folders, label in zip(paths, inner.labels, strict=True) if len(folders) > 1)
    return inner if any(map(has_letters, deep)) else None


def has_letters(name: str) -> bool:
    """Whether there is anything to see in a name: a folder without is no class."""
    return bool(INVISIBLE.sub("", name).strip())


def is_no_class(name: str) -> bool:
    """Whether a folder of this name, with no photo in it, is hardly meant as a class."""
    return bool(_words(name)) and set(_words(name)) <= _ASIDES | _FILLERS | _PARTS | _CODE_WORDS


def _read(
    reading: Reading, paths: Sequence[Folders], members: Iterable[int], depth: int, *, parts_too: bool, part: str
) -> None:
    """Labels the photos ``members``, which lie in the same ``depth`` folders, the last of them a ``part``."""
    children = defaultdict(list)
    for index in members:
        if len(paths[index]) > depth:
            children[paths[index][depth]].append(index)
    inside = {
        name: Counter(paths[index][depth + 1] for index in indices if len(paths[index]) > depth + 1)
        for name, indices in children.items()
    }
    for name in _asides(children, inside):
        reading.asides |= dict.fromkeys(children.pop(name), name)
        del inside[name]
    if len(children) == 1 and (name := next(iter(children))) and _surrounds(name, inside[name], part):
        reading.depth += not part
        _read(reading, paths, children[name], depth + 1, parts_too=parts_too, part=part)
        return
    parts = _parts(reading, inside, paths, children, depth, part) if parts_too else set()
    if not part:
        reading.parts = sorted(parts)
    for name, indices in children.items():
        if name in parts:
            _read(reading, paths, indices, depth + 1, parts_too=parts_too, part=name)
            continue
        reading.parents.add(paths[indices[0]][:depth])
        for index in indices:
            reading.labels[index] = name


def _surrounds(name: str, inside: Collection[str], part: str) -> bool:
    """Whether the only folder at its place is no class but lies around them."""
    if not part:
        return any(map(has_letters, inside)) or (bool(inside) and not has_letters(name))
    if inside and name == _OF_DRIVE.sub("", part):
        return True
    words = _words(name)
    return name == part or (bool(words) and set(words) <= _PARTS | _FILLERS)


def _asides(children: Mapping[str, Sequence[int]], inside: Mapping[str, Counter[str]]) -> list[str]:
    """Folders like docs/ with fewer photos than any beside them, if classes are left without them."""
    named = [name for name in children if _words(name) and set(_words(name)) <= _ASIDES]
    others = [name for name in children if name not in named]
    if len(others) < 2 and not any(len(inside[name]) > 1 for name in others):
        return []
    fewest = min(len(children[name]) for name in others)
    return [name for name in named if len(children[name]) < fewest]


def _parts(
    reading: Reading,
    inside: Mapping[str, Counter[str]],
    paths: Sequence[Folders],
    children: Mapping[str, Sequence[int]],
    depth: int,
    part: str,
) -> set[str]:
    """The folders that are parts of the dataset, like train/ and val/, and hold the class folders."""
    names = set(inside)
    called_so = _called_parts(names)
    deep = {name for name in names if inside[name]}
    if not deep:
        if names and called_so == names and not part:
            if all(name.lower() in _PLAIN_PARTS for name in names):
                return names
            reading.doubt = f"The classes are called {_listed(names)}, like parts of a dataset. Is that meant?"
        return set()
    if called_so == names:
        return names
    worded = called_so & deep
    known = {_fold(one) for name in worded for one in inside[name]}
    if len(worded) == 1 and len(known) > 1 and not part:
        reading.doubt = (
            f"{_listed(worded)} may be a class, or a part of the dataset. If the classes are wrong, rename it."
        )
    if worded and (len(worded) > 1 or not deep - worded or known & set(map(_fold, names))):
        alike = {name for name in deep - worded if len(known & set(map(_fold, inside[name]))) * 2 >= len(inside[name])}
        again = {name for name in deep - worded if _called_parts(inside[name]) == set(inside[name])}  # x/train, x/test
        return called_so | alike | again
    return names if deep == names and _same_below_each(reading, inside, paths, children, depth, part) else set()


def _same_below_each(
    reading: Reading,
    inside: Mapping[str, Counter[str]],
    paths: Sequence[Folders],
    children: Mapping[str, Sequence[int]],
    depth: int,
    part: str,
) -> bool:
    """Whether these folders hold the same class folders, and so are parts; a doubt is noted."""
    only = {_fold(one) for found in inside.values() for one in found}
    if len(only) == 1 and set(_words(next(iter(only)))) <= _FILLERS:  # batch1/photos/kathak, batch2/photos/kathak
        depth += 1
        inside = {
            name: Counter(paths[index][depth + 1] for index in indices if len(paths[index]) > depth + 1)
            for name, indices in children.items()
        }
    below = {name: set(map(_fold, found)) for name, found in inside.items()}
    count = Counter(one for found in below.values() for one in found)
    shared = {one for one, times in count.items() if times > 1}
    if len(shared) < 2 or any(len(found & shared) * 2 < len(found) for found in below.values()):
        return False
    outer, inner = {_fold(name) for name in inside}, shared
    if outer & _FORMS and not inner & _FORMS:
        return False
    if _called_parts(inner) == inner:  # kathak/train/1.jpg, or 2019/train/kathak/1.jpg
        return any(len(paths[index]) > depth + 2 for indices in children.values() for index in indices)
    if inner & _FORMS and not outer & _FORMS:
        return True
    if all(one.isdigit() for one in inner):
        return False
    inner_likely = _numbered(outer) or (not part and len(inner) > len(outer))
    if not part:
        taken, other = (inner, outer) if inner_likely else (outer, inner)
        choice = OUTER if inner_likely else INNER
        reading.doubt = (
            f"Two readings: the classes are taken to be {_listed(taken)}, and could be {_listed(other)}. "
            f"If so, put the photos into folders of just those (or, on the command line, --layout {choice})."
        )
    return inner_likely


def _called_parts(names: Collection[str]) -> set[str]:
    """Those that are called like parts: train, seg_train, Training Set; dance_train beside dance_val; Drive's."""
    rest = {}
    for name in names:
        words = _words(name)
        if any(word in _PARTS for word in words):
            rest[name] = tuple(word for word in words if word not in _PARTS | _FILLERS)
    shared = Counter(rest.values())
    worded = {name for name, others in rest.items() if not others or shared[others] > 1}
    return worded | set(filter(_OF_DRIVE.search, names))


def _numbered(names: Collection[str]) -> bool:
    """Whether only numbers or single letters tell these names apart: camera1 and camera2, 2019 and 2020."""
    return len({tuple(word for word in _words(name) if len(word) > 1) for name in names}) == 1


def _words(name: str) -> list[str]:
    """The words of a folder's name in lower case, without accents and numbers; "trainset" is "train"."""
    spaced = re.sub("([a-z])([A-Z])", r"\1 \2", name)
    plain = without_marks(spaced.casefold())
    words = re.findall(r"[^\W\d_]+", plain)
    return [bare if (bare := _GLUED.sub("", word)) in _PARTS else word for word in words]


def _fold(name: str) -> str:
    return name.strip().casefold()


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(name[:40] for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


_FORMS = {name.casefold() for name in FORMS}
