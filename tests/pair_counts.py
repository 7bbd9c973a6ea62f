#!/usr/bin/env python3
"""Counts which types of goods were bought together in the real baskets, with Python's library alone.

The test `counts_are_those_of_an_independent_library` compares the hub's counts with what this prints:

    tests/pair_counts.py > daemon/commerce/src/guide/fixtures/pairs.tsv
"""

import collections
import csv
import itertools
import pathlib

data = pathlib.Path(__file__).parent / "data/complete-journey"
category = {row["sku"]: row["category"] for row in csv.DictReader(open(data / "items.csv"))}
baskets = collections.defaultdict(set)
for row in csv.DictReader(open(data / "baskets.csv")):
    baskets[row["basket_id"]].add(category.get(row["sku"], ""))
pairs = collections.Counter()
for types in baskets.values():
    pairs.update(itertools.combinations(sorted(types), 2))
print(f"{len(baskets)}\t{len(pairs)}\t{sum(pairs.values())}")
for (one, other), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:200]:
    print(f"{one}\t{other}\t{count}")
