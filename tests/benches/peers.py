#!/usr/bin/env python3
"""Times models in Sedge beside its peers in one run: `.tflite` files beside LiteRT, with its XNNPACK delegate and without,
`.onnx` files (converted to a float `.tflite` for Sedge) beside onnxruntime and, where it loads them, tract.

    peers.py --sedge target/release/sedge MODEL ...      (requirements.txt beside this script)

One thread, pinned to one core (--core). All take turns for --rounds rounds, so that a machine whose speed drifts treats
them alike; a figure is the median of the rounds' medians, a ratio the median of the rounds' ratios. A ratio below 1 says
that Sedge is faster. Prints tables in Markdown, below them the processor and the versions; with --json one document.
"""
import argparse
import importlib.metadata
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np


def random(kind, shape, rng):
    kind = np.dtype(kind)
    if kind.kind == 'f':
        return rng.uniform(-1, 1, shape).astype(kind)
    if kind.kind in 'iu' and kind.itemsize <= 2:
        return rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
    return np.zeros(shape, kind)


class Peer:
    """One model in another runtime; every timed call is one inference with the inputs set before it."""

    def median(self, seconds):
        once = self.times(3)
        return self.times(max(5, min(20_000, int(seconds * 1e9 / max(once, 1))))) / 1000

    def times(self, runs):
        times = []
        for _ in range(runs):
            self.set()
            start = time.perf_counter_ns()
            self.run()
            times.append(time.perf_counter_ns() - start)
        return statistics.median(times)


class LiteRT(Peer):
    PACKAGE = 'ai-edge-litert'

    def __init__(self, path, delegate):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
        kind = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self.it = Interpreter(model_path=path, num_threads=1, experimental_op_resolver_type=kind)
        self.it.allocate_tensors()
        rng = np.random.default_rng(1)
        self.feeds = [(d['index'], random(d['dtype'], d['shape'], rng)) for d in self.it.get_input_details()]
        self.run = self.it.invoke

    def set(self):
        for index, a in self.feeds:
            self.it.set_tensor(index, a)


class OnnxRuntime(Peer):
    PACKAGE = 'onnxruntime'

    # For each element type tract's name of it, and numpy's.
    KINDS = {'tensor(float)': ('f32', np.float32), 'tensor(int64)': ('i64', np.int64),
             'tensor(int32)': ('i32', np.int32), 'tensor(uint8)': ('u8', np.uint8),
             'tensor(int8)': ('i8', np.int8), 'tensor(bool)': ('bool', np.bool_)}

    @staticmethod
    def shape(given):
        return [d if isinstance(d, int) else 1 for d in given.shape]

    def __init__(self, path):
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])
        rng = np.random.default_rng(1)
        self.feeds = {i.name: random(self.KINDS[i.type][1], self.shape(i), rng) for i in self.session.get_inputs()}

    def set(self):
        pass

    def run(self):
        self.session.run(None, self.feeds)


class Tract(Peer):
    PACKAGE = 'tract'

    def __init__(self, path):
        import tract
        # onnxruntime tells the inputs' shapes and types.
        inputs = {i.name: i for i in OnnxRuntime(path).session.get_inputs()}
        model = tract.onnx().load(path)
        rng = np.random.default_rng(1)
        self.feeds = []
        for i in range(model.input_count()):
            given = inputs[model.input_name(i)]
            shape, (code, kind) = OnnxRuntime.shape(given), OnnxRuntime.KINDS[given.type]
            model.set_input_fact(i, ','.join(map(str, [*shape, code])))
            self.feeds.append(tract.Tensor.from_numpy(random(kind, shape, rng)))
        self.state = model.into_model().into_runnable().spawn_state()

    def set(self):
        pass

    def run(self):
        self.state.run(self.feeds)


def if_it_loads(peer, path):
    """A peer with this model; `None` where it refuses it."""
    try:
        made = peer(path)
        made.run()
        return made
    except Exception as e:  # noqa: BLE001: whatever a runtime says of a model, the others go on
        print(f'{os.path.basename(path)}: {peer.PACKAGE}: {str(e).splitlines()[0]}', file=sys.stderr)
        return None


def sedge(a, *words):
    r = subprocess.run([a.sedge, *words], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(r.stderr.strip().splitlines()[0])
    return r.stdout


def measure(a, path, peers):
    """Medians of Sedge and of each peer, and the ratios to each; `None` for a peer that does not have the model."""
    bench = lambda runs: json.loads(sedge(a, 'bench', path, '--json', '--runs', str(runs)))
    probe = bench(5)
    rows = []
    for _ in range(a.rounds):
        mine = bench(max(5, min(20_000, int(a.seconds * 1e6 / max(probe['median_us'], 1)))))
        rows.append([mine['median_us']] + [peer and peer.median(a.seconds) for peer in peers])
    median = lambda column: None if None in column else statistics.median(column)
    medians = [median(column) for column in zip(*rows)]
    ratios = [median([m and row[0] / row[i] for row in rows]) for i, m in enumerate(medians) if i]
    return probe['backend'], probe['macs'], medians, ratios


def apart(call, *words):
    """What `call` gives in a process of its own: some files end a peer's whole process."""
    def run(to):
        try:
            to.send((call(*words), None))
        except Exception as e:  # noqa: BLE001: whatever a runtime says of a model, the others go on
            to.send((None, str(e)))

    context = multiprocessing.get_context('fork')
    from_child, to = context.Pipe(duplex=False)
    child = context.Process(target=run, args=(to,))
    child.start()
    to.close()
    try:
        result, error = from_child.recv()
    except EOFError:
        result, error = None, 'the process of the peer ended'
    child.join()
    if error is not None:
        raise RuntimeError(error)
    return result


def table(a, paths, names, make, tmp):
    rows, refused, level = [], [], ''
    if not a.json and paths:
        print('| model | Sedge us | ' + ' | '.join(f'{n} us | ratio' for n in names) + ' |')
        print('| --- | ---: |' + ' ---: | ---: |' * len(names))
    for path in paths:
        name = os.path.splitext(os.path.basename(path))[0]
        try:
            mine = path
            if path.endswith('.onnx'):
                mine = f'{tmp}/{name}.tflite'
                sedge(a, 'convert', path, '-o', mine, '--quantize', 'none')
            level, macs, medians, ratios = apart(lambda: measure(a, mine, make(path)))
        except RuntimeError as e:
            refused.append(f'{name}: {e}')
            continue
        rows.append({'model': name, 'macs': macs, 'sedge_us': medians[0],
                     'peers': [{'name': n, 'us': m, 'ratio': r} for n, m, r in zip(names, medians[1:], ratios)]})
        if not a.json:
            cells = ' | '.join(f'{m:.1f} | {r:.2f}' if m else ' | ' for m, r in zip(medians[1:], ratios))
            print(f'| {name} | {medians[0]:.1f} | {cells} |', flush=True)
    means = []
    for i in range(len(names)):
        ratios = [r['peers'][i]['ratio'] for r in rows if r['peers'][i]['ratio']]
        means.append(statistics.geometric_mean(ratios) if ratios else None)
    if not a.json and rows:
        cells = ' | '.join(f' | {mean:.2f}' if mean else ' | ' for mean in means)
        print(f'| geometric mean | | {cells} |')
    for line in refused:
        print(f'not measured: {line}', file=sys.stderr)
    return {'rows': rows, 'geometric_means': dict(zip(names, means)), 'not_measured': refused, 'level': level}


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
    ap.add_argument('--json', action='store_true')
    a = ap.parse_args()
    os.sched_setaffinity(0, {a.core})                      # inherited by the commands started below
    lite, onnx = ([p for p in a.models if p.endswith(end)] for end in ('.tflite', '.onnx'))
    with tempfile.TemporaryDirectory() as tmp:
        tables = []
        if lite:
            names = ['LiteRT + XNNPACK', 'LiteRT']
            tables.append(table(a, lite, names, lambda p: [LiteRT(p, True), LiteRT(p, False)], tmp))
        if onnx:
            if lite and not a.json:
                print()
            peers = lambda p: [OnnxRuntime(p), if_it_loads(Tract, p)]
            tables.append(table(a, onnx, [OnnxRuntime.PACKAGE, Tract.PACKAGE], peers, tmp))
    packages = [LiteRT.PACKAGE] * bool(lite) + [OnnxRuntime.PACKAGE, Tract.PACKAGE] * bool(onnx)
    versions = {p: importlib.metadata.version(p) for p in packages}
    level = next((t['level'] for t in tables if t['level']), '')
    if a.json:
        print(json.dumps({'cpu': processor(), 'threads': 1, 'level': level, 'rounds': a.rounds, 'versions': versions,
                          'tables': tables}, indent=2))
        return
    listed = ', '.join(f'{p} {v}' for p, v in versions.items())
    print(f'\n{processor()}, one thread, level {level}, {listed}, medians of {a.rounds} rounds.')


if __name__ == '__main__':
    main()
