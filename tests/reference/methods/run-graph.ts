import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TensorView } from '../../../main/checkpoint/descriptor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { OnnxGraph, type Value } from '../../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../../main/graph/onnx-messages.ts';
import { externalDataRoot } from '../../../main/graph/weights.ts';
import { floatsOf, floatTensor, integersOf, Session } from '../../../main/inference/session.ts';

export interface Matrix {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A value to fetch, and its rank. */
export type Fetched = readonly [Value, number];

export interface GraphRun<F extends string, I extends string> {
  /** Tensors in a checkpoint file that the graph reads. */
  readonly tensors: Readonly<Record<string, Matrix>>;
  readonly inputs: Readonly<Record<string, Matrix>>;
  /** Builds the graph from its inputs and returns the values to fetch. */
  readonly build: (
    graph: OnnxGraph,
    inputs: Readonly<Record<string, Value>>,
    view: (name: string) => TensorView,
  ) => { readonly floats: Readonly<Record<F, Fetched>>; readonly integers: Readonly<Record<I, Fetched>> };
}

/** Runs a graph of the workbench on tensors in a file and inputs in memory, in the same kind of session as models. */
export const runGraph = async <F extends string, I extends string>({
  tensors,
  inputs,
  build,
}: GraphRun<F, I>): Promise<Record<F, Float32Array> & Record<I, Int32Array>> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'graph-'));
  try {
    const file = path.join(folder, 'tensors.safetensors');
    await writeSafetensors(
      file,
      Object.entries(tensors).map(([name, { shape, data }]) => tensorInMemory(name, 'F32', shape, data)),
    );
    const header = await readSafetensorsHeader(file);
    const graph = new OnnxGraph();
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => [name, graph.input(name, DataType.FLOAT, [...shape])]),
    );
    const { floats, integers } = build(graph, values, (name) => {
      const view = header.tensors.get(name);
      if (view === undefined) throw new Error(`no tensor ${name}`);
      return view;
    });
    const names = { floats: keysOf(floats), integers: keysOf(integers) };
    const publish = (name: string, [value, rank]: Fetched, type: DataType): void =>
      graph.output(
        name,
        value,
        type,
        Array.from({ length: rank }, (_, axis) => `${name}${axis}`),
      );
    for (const name of names.floats) publish(name, floats[name], DataType.FLOAT);
    for (const name of names.integers) publish(name, integers[name], DataType.INT64);
    const session = await Session.open('a graph', graph.serialise('graph'), {
      threads: 1,
      externalRoot: externalDataRoot(file),
      weights: 'resident',
    });
    try {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, data }]) => [name, floatTensor(data, shape)]),
      );
      const results = await session.run(feeds, [...names.floats, ...names.integers]);
      return {
        ...record(names.floats, (name) => floatsOf(results[name]!)),
        ...record(names.integers, (name) => integersOf(results[name]!)),
      };
    } finally {
      await session.dispose();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
};

const keysOf = <K extends string>(values: Readonly<Record<K, unknown>>): K[] => {
  const keys: K[] = [];
  for (const key in values) keys.push(key);
  return keys;
};

const record = <K extends string, V>(keys: readonly K[], value: (key: K) => V): Record<K, V> => {
  const made: Partial<Record<K, V>> = {};
  for (const key of keys) made[key] = value(key);
  if (!isComplete(made, keys)) throw new Error('a value is missing');
  return made;
};

const isComplete = <K extends string, V>(made: Partial<Record<K, V>>, keys: readonly K[]): made is Record<K, V> =>
  keys.every((key) => made[key] !== undefined);
