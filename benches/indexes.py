"""Data for benches/indexes.sh, and the peer that its plan is measured beside.

Usage: indexes.py posts URI DOCUMENTS | query URI | many URI COLLECTIONS SPEC | list URI CONNECTIONS
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from statistics import median

from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient

AUTHORS = 5_000
BATCH = 10_000
RUNS = 5
# Eight indexes, as an application has them: single, compound, unique, partial, sparse, TTL.
KEYS = [
    [("a", ASCENDING)],
    [("b", ASCENDING), ("at", DESCENDING)],
    [("c", ASCENDING), ("d", ASCENDING)],
    [("slug", ASCENDING)],
    [("state", ASCENDING), ("at", ASCENDING)],
    [("tag", ASCENDING)],
    [("e", ASCENDING), ("f", DESCENDING), ("g", ASCENDING)],
    [("gone", ASCENDING)],
]
OPTIONS = {3: {"unique": True}, 4: {"partialFilterExpression": {"state": "open"}}, 5: {"sparse": True},
           7: {"expireAfterSeconds": 86_400}}
AS_YAML = {3: "unique: true", 4: "partialFilterExpression: {state: open}", 5: "sparse: true",
           7: "expireAfterSeconds: 86400"}


def posts(uri, documents):
    """The collection that a feed is read from; the same documents every time."""
    rng = random.Random(6)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    collection = MongoClient(uri).bench.posts
    for first in range(0, documents, BATCH):
        numbers = range(first, min(first + BATCH, documents))
        collection.insert_many(
            [{"author": rng.randrange(AUTHORS), "at": start + timedelta(seconds=n), "text": "x" * 40, "likes": n % 97}
             for n in numbers],
            ordered=False)


def query(uri):
    """The median time of the feed of some authors, in milliseconds."""
    collection = MongoClient(uri).bench.posts
    times = []
    for author in range(RUNS):
        begun = time.perf_counter()
        list(collection.find({"author": author}).sort("at", DESCENDING).limit(20))
        times.append(time.perf_counter() - begun)
    print(f"{median(times) * 1000:.1f}")


def many(uri, collections, spec):
    """As many collections with eight indexes each, and the specification that declares them."""
    database = MongoClient(uri).bench_many
    models = [IndexModel(keys, **OPTIONS.get(n, {})) for n, keys in enumerate(KEYS)]
    with open(spec, "w", encoding="utf-8") as file:
        file.write("databases:\n  bench_many:\n    collections:\n")
        for number in range(collections):
            name = f"c{number:04}"
            database[name].create_indexes(models)
            file.write(f"      {name}:\n        indexes:\n")
            for n, keys in enumerate(KEYS):
                shown = ", ".join(f"{field}: {direction}" for field, direction in keys)
                file.write(f"          - keys: {{{shown}}}\n")
                if n in AS_YAML:
                    file.write(f"            {AS_YAML[n]}\n")


def listing(uri, connections):
    """The median time in which a script lists the same indexes, in milliseconds; it compares nothing."""
    database = MongoClient(uri).bench_many
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        names = database.list_collection_names()
        with ThreadPoolExecutor(connections) as pool:
            lists = pool.map(lambda name: list(database[name].list_indexes()), names)
            assert sum(len(found) for found in lists) == 9 * len(names)
        times.append(time.perf_counter() - begun)
    print(f"{median(times) * 1000:.0f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["posts", uri, documents]:
            posts(uri, int(documents))
        case ["query", uri]:
            query(uri)
        case ["many", uri, collections, spec]:
            many(uri, int(collections), spec)
        case ["list", uri, connections]:
            listing(uri, int(connections))
        case _:
            sys.exit(__doc__)
