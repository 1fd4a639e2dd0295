#!/usr/bin/env python3
"""Times models in Sedge beside LiteRT, with its XNNPACK delegate and without, in one run.

    litert.py --sedge target/release/sedge MODEL.tflite ...      (pip install ai-edge-litert numpy)

One thread, pinned to one core (--core). The three take turns for --rounds rounds, so that a machine whose speed
drifts treats them alike; a figure is the median of the rounds' medians, a ratio the median of the rounds' ratios.
Prints a table in Markdown, below it the processor and the versions. A ratio below 1 says that Sedge is faster.
"""
import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


class LiteRT:
    """One model in LiteRT; every timed call is one `invoke` with the inputs set before it."""

    def __init__(self, path, resolver):
        self.it = Interpreter(model_path=path, num_threads=1, experimental_op_resolver_type=resolver)
        self.it.allocate_tensors()
        rng = np.random.default_rng(1)
        self.feeds = []
        for d in self.it.get_input_details():
            kind, shape = np.dtype(d['dtype']), d['shape']
            if kind.kind == 'f':
                a = rng.uniform(-1, 1, shape).astype(kind)
            elif kind.itemsize <= 2:
                a = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
            else:
                a = np.zeros(shape, kind)
            self.feeds.append((d['index'], a))

    def median(self, runs):
        times = []
        for _ in range(runs):
            for index, a in self.feeds:
                self.it.set_tensor(index, a)
            start = time.perf_counter_ns()
            self.it.invoke()
            times.append(time.perf_counter_ns() - start)
        return statistics.median(times) / 1000


def sedge(command, path, runs):
    r = subprocess.run([command, 'bench', path, '--json', '--runs', str(runs)], capture_output=True, text=True)
    if r.returncode:
        raise SystemExit(f'{path}: {r.stderr.strip()}')
    return json.loads(r.stdout)


def processor():
    with open('/proc/cpuinfo') as f:
        return next((line.split(':', 1)[1].strip() for line in f if line.startswith('model name')), 'unknown')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument('models', nargs='+')
    ap.add_argument('--sedge', default='target/release/sedge')
    ap.add_argument('--core', type=int, default=0)
    ap.add_argument('--rounds', type=int, default=7)
    ap.add_argument('--seconds', type=float, default=0.3, help='for each program in each round')
    a = ap.parse_args()
    os.sched_setaffinity(0, {a.core})                      # inherited by the commands started below
    print('| model | Sedge us | LiteRT + XNNPACK us | ratio | LiteRT us | ratio |')
    print('| --- | ---: | ---: | ---: | ---: | ---: |')
    geometric, level = [], ''
    for path in a.models:
        peers = [LiteRT(path, OpResolverType.AUTO), LiteRT(path, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)]
        probe = sedge(a.sedge, path, 5)
        rows = []
        for _ in range(a.rounds):
            runs = max(5, min(20_000, int(a.seconds * 1e6 / max(probe['median_us'], 1))))
            mine = sedge(a.sedge, path, runs)
            level = mine['backend']
            row = [mine['median_us']]
            for peer in peers:
                once = peer.median(5)
                row.append(peer.median(max(5, min(20_000, int(a.seconds * 1e6 / once)))))
            rows.append(row)
        ours, nnpack, plain = (statistics.median(r[i] for r in rows) for i in range(3))
        ratios = [statistics.median(r[0] / r[i] for r in rows) for i in (1, 2)]
        geometric.append(ratios[0])
        name = os.path.splitext(os.path.basename(path))[0]
        print(f'| {name} | {ours:.1f} | {nnpack:.1f} | {ratios[0]:.2f} | {plain:.1f} | {ratios[1]:.2f} |', flush=True)
    mean = statistics.geometric_mean(geometric)
    version = importlib.metadata.version('ai-edge-litert')
    print(f'\nGeometric mean of the ratios to LiteRT + XNNPACK: {mean:.2f}. {processor()}, one thread, level {level}, '
          f'ai-edge-litert {version}, medians of {a.rounds} rounds.')


if __name__ == '__main__':
    main()
