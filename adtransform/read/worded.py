"""What some functions of the standard library do, in the words of the input language: they are read from here."""

from __future__ import annotations

from typing import Any


def heappush(heap: Any, item: Any) -> Any:
    """Put an item into a heap."""
    heap.append(item)
    rise(heap, 0, len(heap) - 1)


def heappop(heap: Any) -> Any:
    """Take out the smallest item."""
    last = heap.pop()
    if not heap:
        return last
    least = heap[0]
    heap[0] = last
    sink(heap, 0)
    return least


def heapreplace(heap: Any, item: Any) -> Any:
    """Take out the smallest item, then put one in."""
    least = heap[0]
    heap[0] = item
    sink(heap, 0)
    return least


def heappushpop(heap: Any, item: Any) -> Any:
    """Put an item in, then take out the smallest one."""
    if not heap:
        return item
    least = heap[0]
    if not least < item:
        return item
    heap[0] = item
    sink(heap, 0)
    return least


def heapify(heap: Any) -> Any:
    """Make a heap of a list."""
    for place in range(len(heap) // 2 - 1, -1, -1):
        sink(heap, place)


def rise(heap: Any, top: Any, place: Any) -> Any:
    """Move an item up to where none above it is larger."""
    item = heap[place]
    while place > top:
        above = (place - 1) // 2
        parent = heap[above]
        if not item < parent:
            break
        heap[place] = parent
        place = above
    heap[place] = item


def sink(heap: Any, place: Any) -> Any:
    """Move the smaller child up to the very end, then the item up from there."""
    top = place
    item = heap[place]
    child = 2 * place + 1
    while child < len(heap):
        if child + 1 < len(heap) and not heap[child] < heap[child + 1]:
            child = child + 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = item
    rise(heap, top, place)


def groupby(items: Any, key: Any) -> Any:
    """The keys of neighbours that have the same one, and those neighbours."""
    keys: list[Any] = []
    groups: list[Any] = []
    for item in items:
        found = key(item)
        if len(keys) > 0 and keys[-1] == found:
            groups[-1].append(item)
        else:
            keys.append(found)
            groups.append([item])
    return keys, groups
